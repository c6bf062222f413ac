// What the kernel's half of attribution (execs.bpf.c) keeps of one exec, and the agent looks up by
// the process's number: one layout for both, C, host byte order, never stored. Texts are cut, and
// end with a zero where they are shorter than their room.
#pragma once

#ifdef __cplusplus
#include <cstdint>
#define REEVE_U32 std::uint32_t
#define REEVE_U64 std::uint64_t
#else
#define REEVE_U32 unsigned int
#define REEVE_U64 unsigned long long
#endif

enum {
  reeve_execs_max = 2048,
  reeve_path_parts = 10,
  reeve_part_bytes = 48,
  reeve_unit_parts = 5,
  reeve_parents = 6,
  reeve_parent_bytes = 28,
  reeve_command_bytes = 224,
};

enum {
  reeve_flag_elsewhere = 1,  // another mount namespace than the agent's
  reeve_flag_removed = 2,    // its program's file had no name any more
  reeve_flag_cut = 4,        // its program's path has more parts than there is room for
  reeve_flag_pending = 8,    // an event by this number already waited in the agent's queue, or may
};

struct reeve_parent {
  REEVE_U32 pid;
  char program[reeve_parent_bytes];  // the name of its file, else what the kernel calls it
};

struct reeve_exec {
  REEVE_U64 time_ns;   // of the exec, CLOCK_MONOTONIC
  REEVE_U64 start_ns;  // of the process, CLOCK_BOOTTIME
  REEVE_U64 inode;     // of its program
  REEVE_U32 mount;     // statx(2)'s stx_mnt_id of its program
  REEVE_U32 flags;
  REEVE_U32 uid;      // effective
  REEVE_U32 login;    // all ones: none
  REEVE_U32 session;  // all ones: none
  REEVE_U32 path_parts;
  REEVE_U32 unit_parts;
  REEVE_U32 parents;
  REEVE_U32 command_bytes;
  REEVE_U32 unused;
  char path[reeve_path_parts][reeve_part_bytes];  // the last part first
  char unit[reeve_unit_parts][reeve_part_bytes];  // the last part first
  struct reeve_parent parent[reeve_parents];      // nearest first
  char command[reeve_command_bytes];              // words end with zeros
};
