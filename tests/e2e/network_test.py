"""All three kinds by the real programs in a network of this test's own, with and without their
controller: a file's mode, a stray listener, a flushed firewall table.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))

from harness import FleetTest  # noqa: E402
from namespaces import Refused, enter_namespaces  # noqa: E402

NFT = shutil.which('nft', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
POLICY = '''\
policy: three
defaults: {owner: security@example.org, mode: enforce, severity: high}
rules:
  - id: secret-mode
    title: Nobody reads the secret
    file: {path: /etc/secret, mode: "0600"}
  - id: no-strays
    title: Nothing listens on the ports of this test
    port: {protocol: tcp, ports: [4440-4449], allow: [], actions: [close]}
  - id: own-table
    title: The table is as policy has it
    firewall:
      table: inet reeve_e2e
      body: |
        set admins { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 } }
        chain input {
          type filter hook input priority filter; policy accept;
          ip saddr @admins tcp dport 22 counter accept comment "admins"
          ip6 saddr 2001:db8::/32 tcp dport { 80, 443 } accept
        }
'''
FOREIGN = '''\
table ip nat {
  chain DOCKER { ip daddr 198.51.100.0/24 counter packets 7 bytes 420 return; }
  chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; jump DOCKER; }
}
table inet f2b-table {
  set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.9 } }
  chain f2b-chain { type filter hook input priority -1; policy accept;
    tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable; }
}
'''


def setUpModule():
    if NFT is None:
        raise unittest.SkipTest('there is no nft program')
    try:
        enter_namespaces()
    except Refused as refused:
        raise unittest.SkipTest(str(refused))


def nft(*words, text=None):
    done = subprocess.run([NFT, *words], input=text, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f'nft {words}: {done.stderr}')
    return done.stdout


def listeners(port):
    lines = (line.split() for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:])
    return [line for line in lines
            if line[3] == '0A' and int(line[1].split(':')[1], 16) == port]


class ThreeKinds(FleetTest):
    def setUp(self):
        super().setUp()
        fleet = self.fleet
        nft('flush', 'ruleset')
        nft('-f', '-', text=FOREIGN)
        fleet.init()
        fleet.start_controller()
        self.host = fleet.make_host(files={'etc/secret': 'hush\n'})
        self.state = fleet.enroll()
        fleet.start_agent(self.state, self.host)
        source = fleet.where / 'three.yaml'
        source.write_text(POLICY)
        fleet.reeve('push', source, '--wait', '60s')
        self.secret = self.host / 'etc/secret'
        fleet.wait_mode(self.secret, 0o600)
        fleet.wait_for('the table', lambda: 'table inet reeve_e2e' in nft('list', 'tables'))
        self.wanted = nft('-s', 'list', 'table', 'inet', 'reeve_e2e')
        self.foreign = self.foreign_tables()

    def foreign_tables(self):
        return [nft('-a', 'list', 'table', *table) for table in
                (('ip', 'nat'), ('inet', 'f2b-table'))]

    def break_all(self, port):
        """Breaks each of the three and waits until each is right again."""
        fleet = self.fleet
        self.secret.chmod(0o666)
        nft('flush', 'table', 'inet', 'reeve_e2e')
        with socket.socket() as stray:
            stray.bind(('127.0.0.1', port))
            stray.listen()
            fleet.wait_for('the listener closed', lambda: not listeners(port))
        fleet.wait_mode(self.secret, 0o600)
        fleet.wait_for('the table restored', lambda: nft(
            '-s', 'list', 'table', 'inet', 'reeve_e2e') == self.wanted)

    def receipts_of(self, rule):
        return [r for r in self.fleet.receipts() if r['rule'] == rule]

    def assert_accounted(self, listeners_closed):
        """Each listener's receipt, the file's and the table's; what others own is as it was."""
        fleet = self.fleet
        fleet.wait_for('every receipt', lambda: len(
            {r['object'] for r in self.receipts_of('no-strays')}) == listeners_closed
            and len(self.receipts_of('secret-mode')) >= listeners_closed + 1
            and len(self.receipts_of('own-table')) >= listeners_closed + 1)
        for receipt in fleet.receipts():
            self.assertEqual('fixed', receipt['outcome'], receipt)
            self.assertTrue(receipt['proven'], receipt)
            self.assertGreater(receipt['verified_mono_ns'], 0)
        self.assert_streams_whole(fleet.records())
        self.assertEqual(self.foreign, self.foreign_tables())

    def test_each_kind_is_put_right_and_its_receipt_is_in_the_ledger(self):
        self.break_all(4440)
        self.assert_accounted(1)
        stray, = self.receipts_of('no-strays')
        self.assertEqual('tcp 127.0.0.1:4440', stray['object'])

    def test_without_a_controller_and_without_a_courier_all_three_are_enforced(self):
        fleet = self.fleet
        fleet.stop_controller()
        self.break_all(4441)
        os.kill(fleet.wait_for('a courier', fleet.courier_pid), signal.SIGKILL)
        self.break_all(4442)
        fleet.start_controller()
        self.assert_accounted(2)

    def test_an_agent_started_with_no_controller_in_sight_enforces_all_three(self):
        fleet = self.fleet
        fleet.stop('agent')
        fleet.stop_controller()
        nft('delete', 'table', 'inet', 'reeve_e2e')
        self.secret.chmod(0o644)
        fleet.start_agent(self.state, self.host)
        fleet.wait_mode(self.secret, 0o600)
        fleet.wait_for('the table', lambda: 'table inet reeve_e2e' in nft('list', 'tables'))
        self.break_all(4443)
        fleet.start_controller()
        fleet.wait_for('every receipt', lambda: len(self.receipts_of('own-table')) == 3)
        self.assert_streams_whole(fleet.records())
        self.assertEqual(self.foreign, self.foreign_tables())


if __name__ == '__main__':
    unittest.main(verbosity=2)
