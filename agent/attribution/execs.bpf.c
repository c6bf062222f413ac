// The kernel's half of attribution: keeps the last exec of every process, by its number, in a table
// that the agent looks into when an event names that number. It runs at exec and fork only, wakes
// nobody, and sends nothing. With each exec it says whether an event by that number already waited
// in the agent's queue: if not, what is read from there later was done after this exec. CO-RE: the
// few fields of the kernel's structures that are read are named here and found in the running
// kernel's BTF.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "agent/attribution/exec_record.h"

#define CORE __attribute__((preserve_access_index))

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

struct qstr {
  const unsigned char* name;
} CORE;
struct inode {
  unsigned long i_ino;
  unsigned int i_nlink;
} CORE;
struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
} CORE;
struct vfsmount {
  struct dentry* mnt_root;
} CORE;
struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
  int mnt_id;
} CORE;
struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
} CORE;
struct file {
  struct path f_path;
  struct inode* f_inode;
  void* private_data;
} CORE;
struct mm_struct {
  struct file* exe_file;
  unsigned long arg_start;
  unsigned long arg_end;
} CORE;
typedef struct {
  u32 val;
} kuid_t;
struct cred {
  kuid_t euid;
} CORE;
struct ns_common {
  unsigned int inum;
} CORE;
struct mnt_namespace {
  struct ns_common ns;
} CORE;
struct nsproxy {
  struct mnt_namespace* mnt_ns;
} CORE;
struct kernfs_node {
  const char* name;
} CORE;
struct kernfs_node___before {
  struct kernfs_node* parent;
} CORE;
struct kernfs_node___since {
  struct kernfs_node* __parent;
} CORE;
struct cgroup {
  struct kernfs_node* kn;
} CORE;
struct css_set {
  struct cgroup* dfl_cgrp;
} CORE;
struct fdtable {
  struct file** fd;
} CORE;
struct files_struct {
  struct fdtable* fdt;
} CORE;
struct task_struct {
  int pid;
  int tgid;
  unsigned int flags;
  struct task_struct* group_leader;
  struct task_struct* real_parent;
  u64 start_boottime;
  struct mm_struct* mm;
  const struct cred* cred;
  kuid_t loginuid;
  unsigned int sessionid;
  struct nsproxy* nsproxy;
  struct css_set* cgroups;
  struct files_struct* files;
  char comm[16];
} CORE;

struct list_head {
  struct list_head* next;
} CORE;
struct fsnotify_group {
  struct list_head notification_list;
  unsigned int q_len;
} CORE;
struct upid {
  int nr;
} CORE;
struct pid {
  struct upid numbers[1];
} CORE;
struct fsnotify_event {
  struct list_head list;
} CORE;
struct fanotify_event {
  struct fsnotify_event fse;
  struct pid* pid;
} CORE;

enum { pending_looked_at = 16 };

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, reeve_execs_max);
  __type(key, u32);
  __type(value, struct reeve_exec);
} execs SEC(".maps");

// A record is too large for a program's stack.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct reeve_exec);
} drafts SEC(".maps");

u64 watched_group = 0;
u32 own_mounts = 0;

static u32 mounts_of(struct task_struct* task) {
  return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
}

// Run once by the loader, the agent's child, with its number of the group's descriptor.
SEC("raw_tp")
int learn(struct bpf_raw_tracepoint_args* args) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct file** table = BPF_CORE_READ(task, files, fdt, fd);
  struct file* file = 0;
  bpf_probe_read_kernel(&file, sizeof file, table + args->args[0]);
  watched_group = (u64)BPF_CORE_READ(file, private_data);
  struct task_struct* agent = BPF_CORE_READ(task, real_parent);
  own_mounts = mounts_of(agent);
  return watched_group != 0;
}

static void tell_path(struct reeve_exec* out, struct file* program) {
  struct dentry* dentry = BPF_CORE_READ(program, f_path.dentry);
  struct vfsmount* root = BPF_CORE_READ(program, f_path.mnt);
  struct mount* mount = (void*)root - bpf_core_field_offset(struct mount, mnt);
  out->mount = BPF_CORE_READ(mount, mnt_id);
  u32 parts = 0;
  for (int i = 0; i < 2 * reeve_path_parts; ++i) {
    struct dentry* above = BPF_CORE_READ(dentry, d_parent);
    if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == above) {
      struct mount* parent = BPF_CORE_READ(mount, mnt_parent);
      if (parent == mount) break;
      dentry = BPF_CORE_READ(mount, mnt_mountpoint);
      mount = parent;
      continue;
    }
    if (parts >= reeve_path_parts) {
      out->flags |= reeve_flag_cut;
      break;
    }
    bpf_probe_read_kernel_str(out->path[parts], reeve_part_bytes,
                              BPF_CORE_READ(dentry, d_name.name));
    ++parts;
    dentry = above;
  }
  out->path_parts = parts;
}

static struct kernfs_node* above_of(struct kernfs_node* node) {
  struct kernfs_node___since* since = (void*)node;
  if (bpf_core_field_exists(since->__parent)) return BPF_CORE_READ(since, __parent);
  struct kernfs_node___before* before = (void*)node;
  return BPF_CORE_READ(before, parent);
}

static void tell_unit(struct reeve_exec* out, struct task_struct* task) {
  struct kernfs_node* node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
  u32 parts = 0;
  for (int i = 0; i < reeve_unit_parts && node; ++i) {
    struct kernfs_node* above = above_of(node);
    if (!above) break;
    bpf_probe_read_kernel_str(out->unit[i], reeve_part_bytes, BPF_CORE_READ(node, name));
    parts = i + 1;
    node = above;
  }
  out->unit_parts = parts;
}

static void tell_parents(struct reeve_exec* out, struct task_struct* task) {
  u32 count = 0;
  for (int i = 0; i < reeve_parents; ++i) {
    task = BPF_CORE_READ(task, real_parent, group_leader);
    const u32 pid = BPF_CORE_READ(task, tgid);
    if (!task || pid == 0) break;
    struct reeve_parent* parent = &out->parent[i];
    parent->pid = pid;
    struct dentry* file = BPF_CORE_READ(task, mm, exe_file, f_path.dentry);
    if (file)
      bpf_probe_read_kernel_str(parent->program, reeve_parent_bytes,
                                BPF_CORE_READ(file, d_name.name));
    else
      BPF_CORE_READ_STR_INTO(&parent->program, task, comm);
    count = i + 1;
  }
  out->parents = count;
}

static void tell_command(struct reeve_exec* out, struct task_struct* task) {
  const unsigned long start = BPF_CORE_READ(task, mm, arg_start);
  const unsigned long end = BPF_CORE_READ(task, mm, arg_end);
  if (end <= start) return;
  u64 size = end - start;
  if (size > reeve_command_bytes) size = reeve_command_bytes;
  if (size == 0 || bpf_probe_read_user(out->command, size, (void*)start) != 0) return;
  out->command_bytes = size;
}

static void tell_who(struct reeve_exec* out, struct task_struct* task) {
  out->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
  out->uid = BPF_CORE_READ(task, cred, euid.val);
  out->login = bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : ~0u;
  out->session = bpf_core_field_exists(task->sessionid) ? BPF_CORE_READ(task, sessionid) : ~0u;
  if (mounts_of(task) != own_mounts) out->flags |= reeve_flag_elsewhere;
}

// Whether an event by this number may wait in the agent's queue. The agent may take events from the
// list meanwhile: only a walk that comes round over as many as there were says that there is none.
static int is_pending(u32 number) {
  struct fsnotify_group* group = (void*)watched_group;
  const u32 waiting = BPF_CORE_READ(group, q_len);
  if (waiting == 0) return 0;
  if (waiting > pending_looked_at) return 1;
  struct list_head* end =
      (void*)group + bpf_core_field_offset(struct fsnotify_group, notification_list);
  struct list_head* at = BPF_CORE_READ(group, notification_list.next);
  u32 seen = 0;
  for (int i = 0; i < pending_looked_at && at != end; ++i) {
    struct fanotify_event* event =
        (void*)at - bpf_core_field_offset(struct fanotify_event, fse.list);
    if (BPF_CORE_READ(event, pid, numbers[0].nr) == number) return 1;
    at = BPF_CORE_READ(at, next);
    ++seen;
  }
  return at != end || seen != waiting || BPF_CORE_READ(group, q_len) != waiting;
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args* args) {
  u32 only = 0;
  struct reeve_exec* out = bpf_map_lookup_elem(&drafts, &only);
  if (!out) return 0;
  // Texts of the draft before stay behind the new ones, where nobody looks.
  out->flags = out->mount = out->path_parts = out->command_bytes = out->unused = 0;
  out->inode = 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  const u32 number = BPF_CORE_READ(task, tgid);
  out->time_ns = bpf_ktime_get_ns();
  if (is_pending(number)) out->flags |= reeve_flag_pending;
  tell_who(out, task);
  struct file* program = BPF_CORE_READ(task, mm, exe_file);
  if (program) {
    out->inode = BPF_CORE_READ(program, f_inode, i_ino);
    if (BPF_CORE_READ(program, f_inode, i_nlink) == 0) out->flags |= reeve_flag_removed;
    tell_path(out, program);
    tell_command(out, task);
  }
  tell_unit(out, task);
  tell_parents(out, task);
  bpf_map_update_elem(&execs, &number, out, BPF_ANY);
  return 0;
}

// A number that is given to a new process is not the one that execed under it before.
SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args* args) {
  struct task_struct* child = (struct task_struct*)args->args[1];
  const u32 number = BPF_CORE_READ(child, tgid);
  if (number == BPF_CORE_READ(child, pid)) bpf_map_delete_elem(&execs, &number);
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
