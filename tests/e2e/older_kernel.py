#!/usr/bin/env python3
"""older_kernel.py PROGRAM ARGUMENT...: runs a program as on Linux before 6.6, where fchmodat2(2)
answers ENOSYS and a mode is set by fchmodat(2), which strace can name and so inject faults at."""
import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
FCHMODAT2, ENOSYS = 452, 38
LOAD_NUMBER, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ANSWER = 0x7FFF0000, 0x00050000


def statement(code, value, if_true=0, if_false=0):
    return struct.pack('HBBI', code, if_true, if_false, value)


def refuse_the_call():
    program = ctypes.create_string_buffer(
        statement(LOAD_NUMBER, 0) + statement(IF_EQUAL, FCHMODAT2, 0, 1) +
        statement(RETURN, ANSWER | ENOSYS) + statement(RETURN, ALLOW))
    filter_program = struct.pack('HxxxxxxP', 4, ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'seccomp')


if __name__ == '__main__':
    refuse_the_call()
    os.execvp(sys.argv[1], sys.argv[1:])
