"""What an auditor is told of controls: from the ledger alone, at an instant and over a period."""
import csv
import html.parser
import io
import json
import unittest

from harness import FleetTest

SECRET = {'id': 'secret-mode', 'controls': '[CIS-6.1.3, TEAM-1]',
          'file': '{path: /etc/secret, mode: "0600"}'}
BANNER = {'id': 'banner-mode', 'controls': '[TEAM-1]', 'mode': 'audit',
          'file': '{path: /etc/banner, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n', 'etc/banner': 'no entry\n'}


class Page(html.parser.HTMLParser):
    """Its texts and the tags that a report has no use for."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


class Reports(FleetTest):
    def report(self, *words, check=2):
        done = self.fleet.reeve('report', '--json', *words, check=check)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        controls = {(line['control'], line['node']): line for line in lines if line['type'] == 'control'}
        return lines[0], controls, [line for line in lines if line['type'] == 'incident']

    def test_controls_stand_as_the_hosts_themselves_signed_it(self):
        fleet = self.fleet
        host, _ = fleet.up([SECRET, BANNER], FILES)
        fleet.enroll('silent')
        secret = host / 'etc/secret'
        fleet.wait_mode(secret, 0o600)
        fleet.wait_for('the state in the ledger',
                       lambda: [r for r in fleet.records() if r['type'] == 'state'])

        head, controls, incidents = self.report()
        self.assertEqual({('CIS-6.1.3', 'node1'): 'compliant', ('CIS-6.1.3', 'silent'): 'no_evidence',
                          ('TEAM-1', 'node1'): 'deviating', ('TEAM-1', 'silent'): 'no_evidence'},
                         {key: line['standing'] for key, line in controls.items()})
        self.assertEqual((0, 'no_evidence'), (head['unproven'], head['standing']))
        rules = {rule['rule']: rule for rule in controls['TEAM-1', 'node1']['rules']}
        self.assertEqual('deviating', rules['banner-mode']['state'])
        self.assertTrue(rules['banner-mode']['incident_open'])
        self.assertEqual('holds', rules['secret-mode']['state'])
        self.assertIn('banner-mode', [one['rule'] for one in incidents])
        # The record that it rests on is one that anybody can prove.
        evidence = controls['CIS-6.1.3', 'node1']['evidence']
        self.assertIn('holds', fleet.reeve('show', evidence).stdout)

        self.report('--control', 'CIS-6.1.3', '--node', 'node1', check=0)
        head, before, _ = self.report('--at', '1h')
        self.assertEqual(('no_evidence', {}), (head['standing'], before))
        self.assertIn('node1: no evidence', fleet.reeve('report', '--at', '1h', check=2).stdout)

    def test_a_period_says_for_how_long_and_who_answers_in_every_format(self):
        fleet = self.fleet
        host, _ = fleet.up([SECRET], FILES)
        secret = host / 'etc/secret'
        fleet.wait_mode(secret, 0o600)
        fleet.wait_for('the first receipt', fleet.receipts)
        secret.chmod(0o666)
        fleet.wait_for('two receipts', lambda: len(fleet.receipts()) == 2)
        fleet.wait_for('the state in the ledger',
                       lambda: [r for r in fleet.records() if r['type'] == 'state'])
        _, controls, incidents = self.report('--since', '1h', check=0)
        of = controls['CIS-6.1.3', 'node1']
        self.assertEqual(2, of['incidents'])
        self.assertGreater(of['exposed_ns'], 0)
        for one in incidents:
            self.assertEqual(('/etc/secret', 'security@example.org', 'fixed'),
                             (one['object'], one['owner'], one['outcome']))
            self.assertLessEqual(one['from'], one['until'])

        text = fleet.reeve('report', '--since', '1h').stdout
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines()), text)
        self.assertIn('CIS-6.1.3', text)
        rows = list(csv.DictReader(io.StringIO(fleet.reeve('report', '--format', 'csv').stdout)))
        self.assertEqual({'CIS-6.1.3', 'TEAM-1'}, {row['control'] for row in rows})
        self.assertEqual({'holds'}, {row['state'] for row in rows})
        written = fleet.where / 'report.html'
        fleet.reeve('report', '--format', 'html', '--since', '1h', '-o', written)
        page = Page(written.read_text())
        self.assertFalse(page.tags & {'script', 'link', 'img', 'a', 'iframe'})
        self.assertIn('CIS-6.1.3', page.texts)
        self.assertEqual(2, page.texts.count('/etc/secret'))

    def test_what_cannot_be_reported_is_refused_by_name(self):
        fleet = self.fleet
        fleet.init()
        fleet.start_controller()
        for words, name in ((('--format', 'pdf'), 'usage'), (('--at', 'soon'), 'usage'),
                            (('--since', '1h', '--at', '2h'), 'usage'), (('--node', 'x'), 'unknown_node')):
            done = fleet.reeve('report', *words, check=1)
            self.assertIn(f'error {name}', done.stderr)
        self.assertIn('names a control', fleet.reeve('report', check=2).stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
