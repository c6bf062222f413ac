"""Run by bad_input_test.py as root of a user and mount namespace: fills the agent's disk."""
import os
import shutil
import subprocess
import sys

from harness import Fleet

SECRET = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}


def main():
    fleet = Fleet()
    try:
        fleet.init()
        fleet.start_controller()
        host = fleet.make_host(files={'etc/secret': 'hush\n'})
        state = fleet.enroll()
        moved = fleet.where / 'small'
        moved.mkdir()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', moved], check=True)
        shutil.copytree(state, moved, dirs_exist_ok=True)
        os.chmod(moved, 0o700)
        fleet.start_agent(moved, host)
        fleet.push([SECRET])
        fleet.wait_for('a receipt', fleet.receipts)
        filler = moved / 'filler'
        with open(filler, 'wb', buffering=0) as out:
            try:
                while True:
                    out.write(b'x' * 512)
            except OSError:
                pass
        secret = host / 'etc/secret'
        for _ in range(20):
            secret.chmod(0o666)
            fleet.wait_mode(secret, 0o600)
        filler.unlink()
        secret.chmod(0o640)
        fleet.wait_mode(secret, 0o600)
        # Every one of the 22 fixes is in the ledger by its own receipt or inside a gap record.
        def accounted():
            records = fleet.records()
            lost = sum(r.get('count', 0) for r in records if r['type'] == 'gap')
            receipts = sum(1 for r in records if r['type'] == 'receipt')
            return receipts >= 2 and receipts + lost >= 22
        fleet.wait_for('every fix accounted for', accounted)
    finally:
        fleet.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
