"""The ledger as others see it: its static files by Go's transparency log packages, its checkpoint
by the operator's machine, which notices a log that was rewritten or set back."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import unittest

from harness import AGENT, CONTROLLER, REEVE, FleetTest

RULE = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n'}
LOG = pathlib.Path(__file__).resolve().parent.parent / 'log'
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / 'golden'
RECORDS_AT_ONCE = 20
RECORDS = 10_000 if os.environ.get('REEVE_TEST_LONG') else 200
GO_PACKAGES = pathlib.Path('/usr/share/gocode')  # where Debian's packages of Go libraries are


class Ledger(FleetTest):
    def make_records(self, count=3):
        host, _ = self.fleet.up([RULE], FILES)
        secret = host / 'etc/secret'
        for number in range(count):
            self.fleet.wait_mode(secret, 0o600)
            self.fleet.wait_for('a receipt', lambda: len(self.fleet.receipts()) > number)
            secret.chmod(0o666)
        self.fleet.wait_mode(secret, 0o600)
        return self.fleet.wait_for('all receipts', lambda: len(self.fleet.receipts()) == count + 1
                                   and self.fleet.receipts())

    def checkpoint(self, **more):
        return self.fleet.reeve('ledger', 'checkpoint', '--json', **more)

    def published(self):
        """The directory of static files once they hold all of the ledger."""
        log = self.fleet.fleet / 'controller/log'
        def is_whole():
            size = json.loads(self.checkpoint().stdout)['size']
            note = log / 'checkpoint'
            return note.exists() and note.read_text().split('\n')[1] == str(size) and size
        return log, self.fleet.wait_for('the files of the whole ledger', is_whole)

    def prove(self, record, **more):
        proof = self.fleet.where / 'record.proof'
        done = self.fleet.reeve('ledger', 'prove', record, '-o', proof, **more)
        return proof, done

    def verify(self, *words, **more):
        return self.fleet.run(REEVE, 'ledger', 'verify', *words, **more)

    def build_check(self, name='check_log'):
        if not shutil.which('go') or not (GO_PACKAGES / 'src/golang.org/x/mod/sumdb').is_dir():
            self.skipTest('Go and golang-golang-x-mod-dev are not installed')
        program = self.fleet.where / name
        environment = {**os.environ, 'GO111MODULE': 'off', 'GOPATH': str(GO_PACKAGES), 'GOFLAGS': '',
                       'GOCACHE': str(self.fleet.where / 'gocache'), 'CGO_ENABLED': '0'}
        self.fleet.run('go', 'build', '-o', program, LOG / f'{name}.go', env=environment, timeout=300)
        return program

    def test_go_verifies_the_static_files_and_finds_what_was_changed_in_them(self):
        program = self.build_check()
        self.make_records()
        log, size = self.published()
        key = self.fleet.reeve('ledger', 'checkpoint', '--keys').stdout.strip()
        older = self.fleet.where / 'older'
        shutil.copy(log / 'checkpoint', older)
        told = self.fleet.run(program, log, key).stdout.split()
        self.assertEqual(str(size), told[0])
        secret = self.fleet.where / 'host/etc/secret'
        before = len(self.fleet.receipts())
        secret.chmod(0o640)
        self.fleet.wait_for('one more', lambda: len(self.fleet.receipts()) == before + 1)
        log, size = self.published()
        self.fleet.run(program, log, key, older)
        for name in (f'tile/entries/000.p/{size}', f'tile/0/000.p/{size}', 'checkpoint'):
            whole = (log / name).read_bytes()
            damaged = bytearray(whole)
            damaged[len(damaged) // 2] ^= 1
            (log / name).write_bytes(damaged)
            with self.subTest(name=name):
                self.fleet.run(program, log, key, check=1)
            (log / name).write_bytes(whole)
        self.fleet.run(program, log, key, older)
        other = self.fleet.run('python3', '-c', f'print({key!r}.replace("A", "B", 1))').stdout.strip()
        self.fleet.run(program, log, other, check=1)

    def test_a_record_is_shown_with_its_place_in_the_checkpoint(self):
        receipts = self.make_records(1)
        shown = self.fleet.reeve('show', receipts[0]['record'])
        self.assertIn('in the ledger that its checkpoint covers', ' '.join(shown.stdout.split()))
        told = json.loads(self.fleet.reeve('show', receipts[0]['record'], '--json').stdout)
        self.assertTrue(told['in_ledger'])
        size = json.loads(self.checkpoint().stdout)['size']
        self.assertLessEqual(told['tree_size'], size)

    def test_a_ledger_that_was_set_back_is_noticed_by_who_has_seen_it(self):
        self.make_records(2)
        seen = json.loads(self.checkpoint().stdout)
        again = json.loads(self.checkpoint().stdout)
        self.assertGreaterEqual(again['size'], seen['size'])
        self.assertEqual(seen['size'], again['grown_from'])
        self.fleet.stop('agent')
        self.fleet.stop_controller()
        state = self.fleet.fleet / 'controller'
        for file in state.glob('ledger.db*'):
            file.unlink()
        self.fleet.start_controller()
        refused = self.checkpoint(check=2)
        self.assertRegex(refused.stderr, 'error (ledger_rewritten|split_view): ')
        self.assertIn('next: ', refused.stderr)

    def test_an_agent_notices_a_ledger_that_was_put_back_from_a_copy(self):
        host, state = self.fleet.up([RULE], FILES)
        def told():
            done = self.fleet.run(AGENT, 'status', '--state', state, '--json', check=None)
            return done.returncode, json.loads(done.stdout.splitlines()[0])
        def size():
            return told()[1]['ledger_size']
        self.fleet.wait_mode(host / 'etc/secret', 0o600)
        self.fleet.wait_for('a receipt', self.fleet.receipts)
        self.fleet.wait_for('a checkpoint', size)
        directory, copy, whole = (self.fleet.fleet / 'controller', self.fleet.where / 'copy',
                                  self.fleet.where / 'whole')
        def put(source, target):
            for file in target.glob('ledger.db*'):
                file.unlink()
            target.mkdir(exist_ok=True)
            for file in source.glob('ledger.db*'):
                shutil.copy(file, target)
        self.fleet.stop_controller()
        put(directory, copy)
        before = size()
        self.fleet.start_controller()
        (host / 'etc/secret').chmod(0o666)
        self.fleet.wait_mode(host / 'etc/secret', 0o600)
        self.fleet.wait_for('a later checkpoint', lambda: size() > before + 1)
        self.fleet.stop_controller()
        put(directory, whole)
        put(copy, directory)
        self.fleet.start_controller()
        self.fleet.wait_for('the agent noticing', lambda: told()[1]['ledger_error'])
        code, status = told()
        self.assertEqual((2, 'ledger_shorter'), (code, status['ledger_error']))
        self.assertIn('was the store put back from a copy?', self.fleet.log_of('controller'))
        text = self.fleet.run(AGENT, 'status', '--state', state, check=2).stdout
        self.assertIn('ledger_shorter: the controller shows fewer', text)
        # With its own ledger back there is nothing left to say.
        self.fleet.stop_controller()
        put(whole, directory)
        self.fleet.start_controller()
        self.fleet.wait_for('the end of it', lambda: told()[1]['ledger_error'] == '')
        self.assertEqual(0, told()[0])

    def test_a_controller_that_comes_back_from_a_backup_is_filled_again(self):
        files = {f'etc/many/{i:03}': 'text\n' for i in range(RECORDS_AT_ONCE)}
        rules = [{'id': f'mode-{i:03}', 'mode': 'audit',
                  'file': f'{{path: "/etc/many/{i:03}", mode: "0600"}}'}
                 for i in range(RECORDS_AT_ONCE)]
        host, state = self.fleet.up(rules, files)
        many = sorted((host / 'etc/many').iterdir())
        def turn_all(mode):  # each turn is a receipt a file
            before = len(self.fleet.receipts())
            for path in many:
                path.chmod(mode)
            self.fleet.wait_for('their receipts', lambda: len(self.fleet.receipts())
                                >= before + len(many))
        def told():
            done = self.fleet.run(AGENT, 'status', '--state', state, '--json', check=None)
            return json.loads(done.stdout.splitlines()[0])
        def identities():
            return [record['record'] for record in self.fleet.records()]
        def is_settled():
            before = len(identities())
            status = told()
            return status['ledger_error'] == '' and len(identities()) == before and before
        directory, backup = self.fleet.fleet / 'controller', self.fleet.where / 'backup.db'
        self.fleet.wait_for('what is found at first',
                            lambda: len(self.fleet.receipts()) >= len(many))
        turn_all(0o600)
        self.fleet.run(CONTROLLER, 'backup', backup, '--state', directory)
        self.assertEqual(0o600, backup.stat().st_mode & 0o777)
        refused = self.fleet.run(CONTROLLER, 'backup', backup, '--state', directory, check=1)
        self.assertIn('error file_exists: ', refused.stderr)
        for number in range(-(-RECORDS // RECORDS_AT_ONCE)):
            turn_all(0o600 if number % 2 else 0o666)
        before = set(identities())
        self.assertGreater(len(before), RECORDS)
        seen = json.loads(self.checkpoint().stdout)['size']
        self.fleet.wait_for('the agent having seen it', lambda: told()['ledger_size'] >= seen - 2)
        # The machine is lost; what `reeve init` made for it is not.
        self.fleet.stop_controller()
        refused = self.fleet.run(CONTROLLER, 'restore', backup, '--state', directory, check=1)
        self.assertIn('error state_not_empty: ', refused.stderr)
        for file in (*directory.glob('ledger.db*'), *directory.glob('log')):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        self.fleet.run(CONTROLLER, 'restore', backup, '--state', directory)
        self.fleet.start_controller()
        self.fleet.wait_for('the agent noticing', lambda: told()['ledger_error'] == 'ledger_shorter')
        self.assertIn('recovery_needed', self.fleet.log_of('controller'))
        self.assertIn('error ledger_rewritten: ', self.checkpoint(check=2).stderr)
        # No key that is online does it, nor one signature where the root asks for two.
        draft = self.fleet.where / 'recovery'
        self.fleet.reeve('ledger', 'recover', '--reason', 'the disk is gone', '--prepare', draft)
        for key in ('ledger.key',):
            self.fleet.reeve('sign', draft, '--yes', '--key', directory / key, check=1)
        refused = self.fleet.reeve('ledger', 'recover', '--submit', draft, check=1)
        self.assertIn('error too_few_signatures: ', refused.stderr)
        self.fleet.reeve('sign', draft, '--yes')
        done = self.fleet.reeve('ledger', 'recover', '--submit', draft)
        self.assertIn('recovered: e2e~1 goes on from', done.stdout)
        self.assertIn(f'this machine had seen {seen} leaves', done.stderr)
        self.fleet.wait_for('nothing missing', lambda: before <= set(identities()))
        self.fleet.wait_for('the agent content', is_settled)
        after = self.fleet.records()
        self.assertEqual(len(after), len({record['record'] for record in after}))  # nothing doubled
        self.assert_streams_whole(after)
        recovered = [record for record in after if record['type'] == 'ledger_recovered']
        self.assertEqual(1, len(recovered))
        self.checkpoint()
        self.verify('--all', directory, '--fleet', self.fleet.fleet)
        proof, _ = self.prove(recovered[0]['record'])
        told_of = self.verify(proof, '--root', self.fleet.fleet / 'public/root').stdout
        self.assertIn('e2e~1', told_of)
        # It goes on: another round is acknowledged, and a replay of the recovery changes nothing.
        turn_all(0o666)
        self.fleet.reeve('ledger', 'recover', '--submit', draft)
        refused = self.fleet.reeve('ledger', 'recover', '--reason', 'again', '--yes', check=1)
        self.assertIn('error recovery_not_needed: ', refused.stderr)

    def test_a_controller_that_was_stopped_before_its_backup_simply_goes_on(self):
        self.make_records(1)
        directory, backup = self.fleet.fleet / 'controller', self.fleet.where / 'backup.db'
        self.fleet.stop_controller()
        self.fleet.run(CONTROLLER, 'backup', backup, '--state', directory)
        for file in (*directory.glob('ledger.db*'), *directory.glob('log')):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        self.fleet.run(CONTROLLER, 'restore', backup, '--state', directory, '--nothing-lost')
        self.fleet.start_controller()
        before = len(self.fleet.receipts())
        (self.fleet.where / 'host/etc/secret').chmod(0o604)
        self.fleet.wait_for('one more', lambda: len(self.fleet.receipts()) == before + 1)
        self.checkpoint()

    def test_a_body_that_was_redacted_is_withheld_by_name_in_every_view(self):
        receipts = self.make_records(2)
        record, other = receipts[0]['record'], receipts[1]['record']
        state = self.fleet.fleet / 'controller'
        self.fleet.reeve('redact', record, check=1)  # no reason
        done = self.fleet.reeve('redact', record, '--reason', 'it named a customer', '--yes')
        self.assertIn('redacted: ', done.stdout)
        shown = self.fleet.reeve('show', record).stdout
        self.assertIn(f'{record}: body withheld by operator at ', shown)
        self.assertIn('it named a customer', shown)
        self.assertNotIn('/etc/secret', shown)
        told = json.loads(self.fleet.reeve('show', record, '--json').stdout)
        self.assertEqual((True, True, True, 'operator', 'it named a customer'),
                         tuple(told[k] for k in ('withheld', 'proven', 'in_ledger', 'redacted_by',
                                                 'redacted_why')))
        listed = {line['record']: line for line in self.fleet.records()}
        self.assertTrue(listed[record]['withheld'])
        self.assertEqual('receipt', listed[other]['type'])
        self.assertIn('body withheld', self.fleet.reeve('records').stdout)
        _, refused = self.prove(record, check=1)
        self.assertIn('error body_withheld: ', refused.stderr)
        proof, _ = self.prove(other)
        self.verify(proof, '--fleet', self.fleet.fleet)
        told = ' '.join(self.verify('--all', state, '--fleet', self.fleet.fleet).stdout.split())
        self.assertIn('body withheld: 1 of 1 batches, the first is leaf', told)
        refused = self.fleet.reeve('redact', record, '--reason', 'again', '--yes', check=1)
        self.assertIn('error not_redactable: ', refused.stderr)
        for file in state.glob('ledger.db*'):
            self.assertNotIn(receipts[0]['incident'].encode(), file.read_bytes())
            self.assertNotIn(bytes.fromhex(receipts[0]['incident']), file.read_bytes())

    def test_files_that_were_lost_are_written_again_at_the_next_start(self):
        self.make_records(1)
        log, _ = self.published()
        self.fleet.stop_controller()
        shutil.rmtree(log)
        self.fleet.start_controller()
        self.published()
        mode = (self.fleet.fleet / 'controller/log').stat().st_mode & 0o777
        self.assertEqual(0o700, mode)

    def test_a_proof_file_needs_nobody_but_a_root(self):
        receipts = self.make_records(2)
        record = receipts[-1]['record']
        proof, done = self.prove(record)
        self.assertIn(f'{record}: the proof holds', done.stdout)
        root = self.fleet.where / 'root'
        shutil.copy(self.fleet.fleet / 'public/root', root)
        self.fleet.stop('agent')
        self.fleet.stop_controller()
        shutil.move(self.fleet.fleet, self.fleet.where / 'gone')
        told = ' '.join(self.verify(proof, '--root', root).stdout.split())
        self.assertIn(f'{record}: the proof holds', told)
        for words in ('rule secret-mode', 'signed by operator', 'in the ledger e2e',
                      'test, version 1, signed by policy key', 'root version 1, trusted here'):
            self.assertIn(words, told)
        told = json.loads(self.verify(proof, '--root', root, '--json').stdout)
        self.assertTrue(told['holds'])
        self.assertEqual((record, 'node1', 'e2e', 1),
                         (told['record'], told['node'], told['origin'], told['policy_version']))
        self.assertGreater(told['tree_size'], told['leaf'])
        self.assertEqual(1, told['key_number'])  # the first start has made a key

    def test_a_proof_of_something_else_is_refused_by_name(self):
        record = self.make_records(1)[0]['record']
        proof, _ = self.prove(record)
        whole = proof.read_bytes()
        self.assertEqual(0, self.verify(proof, '--fleet', self.fleet.fleet).returncode)
        proof.write_bytes(whole.replace(b'/etc/secret', b'/etc/shadow'))
        refused = self.verify(proof, '--fleet', self.fleet.fleet, check=2)
        self.assertIn('error record_not_in_batch: ', refused.stderr)
        refused = self.verify(proof, '--json', '--fleet', self.fleet.fleet, check=2)
        self.assertEqual((False, 'record_not_in_batch'),
                         tuple(json.loads(refused.stdout)[k] for k in ('holds', 'error')))
        proof.write_bytes(whole[:-1])
        self.assertIn('error malformed_proof: ',
                      self.verify(proof, '--fleet', self.fleet.fleet, check=2).stderr)
        other = self.fleet.where / 'other'
        self.fleet.run(REEVE, 'init', other, '--name', 'e2e', '--controller', '127.0.0.1',
                       '--no-passphrase')
        proof.write_bytes(whole)
        self.assertIn('error root_mismatch: ',
                      self.verify(proof, '--fleet', other, check=2).stderr)
        self.assertIn('error file_missing: ',
                      self.verify(proof.with_name('none'), '--fleet', other, check=1).stderr)
        self.assertIn('error root_unusable: ', self.verify(proof, '--root', proof, check=1).stderr)
        self.assertIn('error usage: ', self.verify(check=1).stderr)
        gone, done = self.prove('node1/00000000/urgent/1', check=1)
        self.assertIn('error unknown_record: ', done.stderr)

    def test_a_proof_from_a_ledger_that_was_set_back_is_not_written(self):
        record = self.make_records(1)[0]['record']
        state = self.fleet.fleet / 'controller'
        backup = self.fleet.where / 'backup.db'
        self.fleet.run(CONTROLLER, 'backup', backup, '--state', state)
        (self.fleet.where / 'host/etc/secret').chmod(0o604)
        self.fleet.wait_for('one more', lambda: len(self.fleet.receipts()) == 3)
        self.checkpoint()
        self.fleet.stop('agent')
        self.fleet.stop_controller()
        for file in state.glob('ledger.db*'):
            file.unlink()
        shutil.copy(backup, state / 'ledger.db')
        (state / 'ledger.db').chmod(0o600)
        self.fleet.start_controller()
        proof, refused = self.prove(record, check=2)
        self.assertRegex(refused.stderr, 'error (ledger_rewritten|split_view): ')
        self.assertFalse(proof.exists())
        refused = self.verify('--all', state, '--fleet', self.fleet.fleet, check=2)
        self.assertRegex(refused.stderr, 'error (ledger_rewritten|split_view): ')

    def test_proofs_go_on_after_a_restart_and_new_roots(self):
        record = self.make_records(1)[0]['record']
        self.fleet.stop('agent')
        self.fleet.start_agent(self.fleet.where / 'node1', self.fleet.where / 'host')
        secret = self.fleet.where / 'host/etc/secret'
        secret.chmod(0o604)
        receipts = self.fleet.wait_for('one more', lambda: len(self.fleet.receipts()) == 3
                                       and self.fleet.receipts())
        first = self.fleet.where / 'first'
        shutil.copy(self.fleet.fleet / 'public/root', first)
        self.fleet.reeve('root', 'rotate', '--yes')
        for name, key in ((record, 1), (receipts[-1]['record'], 2)):
            proof, _ = self.prove(name)
            for trust in (('--root', first), ('--fleet', self.fleet.fleet),
                          ('--root', self.fleet.fleet / 'public/root')):
                told = json.loads(self.verify(proof, '--json', *trust).stdout)
                self.assertEqual((name, key, 2),
                                 (told['record'], told['key_number'], told['root_version']))
        by_type = {r['type']: r['record'] for r in self.fleet.records()}
        for kind in ('state', 'policy_adopted', 'epoch_start'):
            proof, _ = self.prove(by_type[kind])
            told = json.loads(self.verify(proof, '--json', '--root', first).stdout)
            self.assertEqual(kind != 'epoch_start', 'policy_signers' in told)

    def test_go_verifies_a_proof_file_by_its_description_alone(self):
        program = self.build_check('check_proof')
        self.fleet.run(program, GOLDEN / 'proof.bin', GOLDEN / 'proof_root.bin')
        whole = (GOLDEN / 'proof.bin').read_bytes()
        damaged = self.fleet.where / 'damaged'
        for place in range(0, len(whole), 7):
            for change in (whole[:place],
                           whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1:]):
                damaged.write_bytes(change)
                self.fleet.run(program, damaged, GOLDEN / 'proof_root.bin', check=1)
        records = self.make_records(2)
        root = self.fleet.where / 'root'
        shutil.copy(self.fleet.fleet / 'public/root', root)
        self.fleet.reeve('root', 'rotate', '--yes')
        by_type = {r['type']: r['record'] for r in self.fleet.records()}
        for record in (records[-1]['record'], by_type['state'], by_type['epoch_start']):
            proof, _ = self.prove(record)
            ours = json.loads(self.verify(proof, '--root', root, '--json').stdout)
            told = self.fleet.run(program, proof, root).stdout.split()
            self.assertEqual([ours['node'], record.rsplit('/', 1)[1], str(ours['leaf']),
                              str(ours['tree_size']), str(ours.get('policy_version', 0))], told[:5])
            self.assertEqual('0/0', told[5])
            self.assertGreater(int(told[6]), 0)  # the tick of the controller's start
            self.assertEqual(ours.get('policy_signers', []), told[8:])

    def test_witnesses_cosign_the_ledger_and_proofs_carry_that(self):
        record = self.make_records(1)[0]['record']
        alone, done = self.prove(record)
        self.assertIn('cosigned by nobody', ' '.join(done.stdout.split()))
        alone = alone.rename(self.fleet.where / 'alone.proof')
        self.assertIn('cosigned by nobody', self.fleet.reeve('ledger', 'checkpoint').stderr)
        proposed = self.fleet.reeve('ledger', 'witnesses', '--propose', '--yes').stdout
        self.assertIn('witness set version 1: 1 of 1 node must cosign\n  node1\n', proposed)
        self.assertIn('version 1', self.fleet.reeve('ledger', 'witnesses').stdout)
        def is_cosigned():
            told = json.loads(self.checkpoint().stdout)
            return told.get('cosigned_size') == told['size'] and told
        told = self.fleet.wait_for('a cosigned checkpoint', is_cosigned)
        self.assertEqual((1, 1, 1), (told['cosigners'], told['witnesses'], told['need']))
        shown = self.fleet.reeve('ledger', 'checkpoint', '--cosigned')
        self.assertIn('cosigned 1 of 1 (1 needed)', shown.stderr)
        self.assertRegex(shown.stdout, '\n\u2014 e2e/[0-9a-f]{64} ')
        file = self.fleet.fleet / 'controller/log/cosigned'
        self.fleet.wait_for('the cosigned checkpoint as a file', file.exists)
        self.assertRegex(file.read_text(), '\n\u2014 e2e/[0-9a-f]{64} ')
        proof, done = self.prove(record)
        words = ' '.join(done.stdout.split())
        self.assertIn('cosigned 1 of 1 (1 needed), by witness set version 1 that operator', words)
        self.assertRegex(words, r'time in the ledger between .* \(tick, leaf \d+\) and .* \(cosigned by 1 of 1\)'
                                r'; its node says')
        whole = json.loads(self.verify(proof, '--fleet', self.fleet.fleet, '--json').stdout)
        self.assertEqual(['node1'], whole['cosigned_by'])
        self.assertLess(whole['ledger_after'], whole['ledger_before'])
        # The machine that knows of witnesses takes no proof without them any more.
        root = self.fleet.fleet / 'public/root'
        self.verify(alone, '--root', root)
        refused = self.verify(alone, '--fleet', self.fleet.fleet, check=2)
        self.assertIn('error cosignatures_missing: ', refused.stderr)
        refused = self.verify(alone, '--root', root, '--witnesses',
                              self.fleet.fleet / 'public/witnesses', check=2)
        self.assertIn('error cosignatures_missing: ', refused.stderr)
        shown = ' '.join(self.fleet.reeve('show', record).stdout.split())
        self.assertRegex(shown, r'time in the ledger between .* and .*; its node says')
        self.assertIn('cosigned 1 of 1 (1 needed)', shown)
        self.fleet.run(REEVE, 'ledger', 'compare', proof, proof, '--root', root)
        if shutil.which('go') and (GO_PACKAGES / 'src/golang.org/x/mod/sumdb').is_dir():
            told = self.fleet.run(self.build_check('check_proof'), proof, root).stdout.split()
            self.assertEqual('1/1', told[5])

    def test_go_verifies_a_proof_of_a_node_that_enrolled_by_token(self):
        program = self.build_check('check_proof')
        self.fleet.init()
        self.fleet.start_controller()
        host = self.fleet.make_host(files=FILES)
        state, _ = self.fleet.join(self.fleet.token())
        self.fleet.start_agent(state, host)
        self.fleet.push([RULE])
        receipt = self.fleet.wait_for('a receipt', self.fleet.receipts)[0]
        proof, done = self.prove(receipt['record'])
        self.assertIn('by itself under a token', ' '.join(done.stdout.split()))
        self.fleet.run(program, proof, self.fleet.fleet / 'public/root')

    def test_a_whole_ledger_is_judged_while_its_controller_runs_and_afterwards(self):
        self.make_records(2)
        state = self.fleet.fleet / 'controller'
        self.checkpoint()
        running = json.loads(self.verify('--all', state, '--json', '--fleet', self.fleet.fleet).stdout)
        self.assertTrue(running['holds'])
        self.assertEqual(0, running['withheld'])
        backup = self.fleet.where / 'backup.db'
        self.fleet.run(CONTROLLER, 'backup', backup, '--state', state)
        self.published()
        self.fleet.stop('agent')
        self.fleet.stop_controller()
        before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in state.rglob('*') if p.is_file()}
        told = self.verify('--all', state, '--fleet', self.fleet.fleet).stdout
        self.assertIn('e2e: everything that is stored holds', told)
        self.assertEqual(before, {p: (p.stat().st_mtime_ns, p.read_bytes())
                                  for p in state.rglob('*') if p.is_file()})
        stopped = json.loads(self.verify('--all', state, '--json', '--fleet', self.fleet.fleet).stdout)
        self.assertGreaterEqual(stopped['size'], running['size'])
        self.assertGreaterEqual(stopped['published'], running['size'])
        self.verify('--all', backup, '--root', self.fleet.fleet / 'public/root')
        copy = self.fleet.where / 'copy'
        shutil.copytree(state, copy)
        with sqlite3.connect(copy / 'ledger.db') as store:
            leaf, bodies = store.execute('SELECT leaf, bodies FROM batches LIMIT 1').fetchone()
            damaged = bodies[:-1] + bytes([bodies[-1] ^ 1])
            store.execute('UPDATE batches SET bodies=? WHERE leaf=?', (damaged, leaf))
        store.close()
        refused = self.verify('--all', copy, '--json', '--fleet', self.fleet.fleet, check=2)
        told = json.loads(refused.stdout)
        self.assertEqual((False, leaf, 'body_changed'),
                         (told['holds'], told['first_bad'], told['error']))
        self.assertIn(f'error body_changed: leaf {leaf}: ', refused.stderr)
        with sqlite3.connect(copy / 'ledger.db') as store:
            store.execute('UPDATE batches SET bodies=? WHERE leaf=?', (b'', leaf))
        store.close()
        told = ' '.join(self.verify('--all', copy, '--fleet', self.fleet.fleet).stdout.split())
        self.assertRegex(told, f'body withheld: [0-9]+ of 1 batches, the first is leaf {leaf}')
        self.assertIn('error ledger_missing: ',
                      self.verify('--all', self.fleet.where, '--fleet', self.fleet.fleet,
                                  check=1).stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
