/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What user space tells the BPF programs before they load (read-only data of the object). */
#pragma once
#include "flyball/abi/events.h"

enum fb_config_flags {
	FB_C_UNIFIED_CPU = 1 << 0, /* the cpu controller lives on cgroup v2 */
	FB_C_UNIFIED_MEMORY = 1 << 1,
	FB_C_UNIFIED_IO = 1 << 2,
	FB_C_UNIFIED_PIDS = 1 << 3,
	FB_C_THROTTLE_BY_SWITCH = 1 << 4, /* no fentry: throttle episodes come from sched_switch */
	FB_C_MEMSTALL_BY_SWITCH = 1 << 5,
	FB_C_NO_PREEMPT = 1 << 6,  /* the kernel has what bpf/preempt.bpf.h needs */
	FB_C_RDONLY_CAST = 1 << 7, /* and what bpf/plain.bpf.h needs */
};

/*
 * Functions of the kernel that programs call, where it has them. They are compiled as calls of helpers with
 * these numbers, which no helper has; user space puts the kernel's own in before the load. libbpf would parse
 * all types of the kernel once more to find them, and search those of its modules for one that is not there.
 */
enum fb_call {
	FB_CALL_FIRST = 0x46420000,
	FB_CALL_PREEMPT_DISABLE = FB_CALL_FIRST,
	FB_CALL_PREEMPT_ENABLE,
	FB_CALL_IRQ_SAVE,
	FB_CALL_IRQ_RESTORE,
	FB_CALL_RDONLY_CAST,
	FB_CALL_END
};

/* Types of the kernel's that programs read through pointers to them: src/kernel/fields.hpp has their names.
 */
enum fb_type {
	FB_T_TASK,
	FB_T_CGROUP,
	FB_T_MEM_CGROUP,
	FB_T_CFS_RQ,
	FB_T_TASK_GROUP,
	FB_T_REQUEST,
	FB_T_OOM_CONTROL,
	FB_T_END
};

struct fb_config {
	__u32 abi;
	__u32 flags;	 /* enum fb_config_flags */
	__u32 nr_cpus;	 /* possible CPUs: how many batches and rings there are */
	__u32 self_tgid; /* flyball itself */
	__u32 page_shift;
	__u32 pad;
	__u64 wakeup_bytes; /* a ring with more than this in it wakes the reader */
	__u32 types[8];	    /* enum fb_type -> BTF id in the kernel */
};
FB_STATIC_ASSERT(sizeof(struct fb_config) == 64, "fb_config");
