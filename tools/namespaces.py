"""Namespaces of one's own, for whoever runs Reeve without touching the machine: the calling process
becomes root of new user, network and mount namespaces. There is no pid namespace: the kernel gives
process numbers of the initial one, which would be wrong inside another.
"""
import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000


class Refused(Exception):
    """The kernel gives none; the words are for the reader."""


def enter_namespaces():
    """Puts this process into user, network and mount namespaces where it is root."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    ready = os.pipe()
    helper = os.fork()
    if helper == 0:  # stays outside: root may map every id, a user only his own
        os.close(ready[1])
        if os.read(ready[0], 1) != b'x':
            os._exit(1)
        target = f'/proc/{os.getppid()}'
        try:
            if user == 0:
                maps = pathlib.Path('/proc/self/uid_map').read_text().split()
                count = min(int(maps[2]), 4294967295)
                rows = [('uid_map', f'0 0 {count}'), ('gid_map', f'0 0 {count}')]
            else:
                rows = [('setgroups', 'deny'), ('uid_map', f'0 {user} 1'),
                        ('gid_map', f'0 {group} 1')]
            for name, text in rows:
                pathlib.Path(target, name).write_text(text)
        except OSError as error:
            print(f'namespaces: {error}', file=sys.stderr)
            os._exit(1)
        os._exit(0)
    os.close(ready[0])
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0:
        os.close(ready[1])
        raise Refused('namespaces cannot be had here: ' + os.strerror(ctypes.get_errno()) +
                     '\n  next: allow them (sysctl kernel.unprivileged_userns_clone=1), or run as root')
    os.write(ready[1], b'x')
    if os.waitpid(helper, 0)[1] != 0:
        raise Refused('the user namespace could not be mapped')
    raise_loopback()


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack('16sH14s', b'lo', 0x1 | 0x40, b''))  # SIOCSIFFLAGS
