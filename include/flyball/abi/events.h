/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The wire between the BPF programs and user space: the only truth about it.
 *
 * Compiled by clang -target bpf (after vmlinux.h) and by the C++ compiler. Every struct is
 * fixed-width, padded explicitly and size-asserted by both. Times are nanoseconds of
 * CLOCK_MONOTONIC (bpf_ktime_get_ns); sizes are bytes unless a name says pages.
 *
 * Two roads lead to user space:
 *   stream   events of 64 bytes, batched per CPU, one ring a CPU, folded when the ring is full;
 *   control  rare records whose identity matters (OOM, cgroup life cycle), one shared ring,
 *            never batched, never folded: a full ring is a counted drop.
 */
#pragma once

#ifdef __bpf__
#define FB_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#else
#include <linux/types.h>
#define FB_STATIC_ASSERT(cond, text) static_assert(cond, text)
#endif

/*
 * Raised whenever a struct or a meaning below changes; stored in every recording. A new event type, or a
 * control record that grows at its end, is no change: readers skip the one and zero the other.
 */
#define FB_ABI_VERSION 2

/* ---- programs: who produced an event; the unit of loss accounting ------------------------- */
enum fb_prog {
	FB_P_NONE = 0,
	FB_P_SWITCH,	   /* sched_switch */
	FB_P_WAKEUP,	   /* sched_wakeup, sched_wakeup_new: keep state, emit nothing */
	FB_P_MIGRATE,	   /* sched_migrate_task: keeps state, tells moves of waiting tasks */
	FB_P_FORK,	   /* task_newtask */
	FB_P_EXIT,	   /* sched_process_exit */
	FB_P_FORK_REFUSED, /* fexit pids_can_fork */
	FB_P_THROTTLE,	   /* throttle begin and end, by fentry or by sched_switch */
	FB_P_CHARGE,	   /* fexit try_charge_memcg, or tp_btf mod_memcg_* */
	FB_P_HIGH,	   /* memory.high stall */
	FB_P_RECLAIM,	   /* memcg reclaim end */
	FB_P_MEMSTALL,	   /* psi_memstall_leave, or sched_switch with in_memstall */
	FB_P_BIO,	   /* block_bio_queue */
	FB_P_RQ,	   /* block_rq_complete */
	FB_P_OOM,	   /* OOM decision, group, victim, SIGKILL, exit */
	FB_P_CGROUP,	   /* cgroup life cycle */
	FB_P_SELFTEST,	   /* synthetic events of known value (tests) */
	FB_P_MAX,
};

/* ---- events on the stream ------------------------------------------------------------------ */
enum fb_event_type {
	FB_EV_NONE = 0,
	FB_EV_SWITCH,	/* struct fb_switch */
	FB_EV_HELD,	/* struct fb_held */
	FB_EV_THROTTLE, /* struct fb_throttle */
	FB_EV_CHARGE,	/* struct fb_charge */
	FB_EV_STALL,	/* struct fb_stall */
	FB_EV_BIO,	/* struct fb_bio */
	FB_EV_RQ,	/* struct fb_rq */
	FB_EV_TASK,	/* struct fb_task */
	FB_EV_SELFTEST, /* struct fb_selftest */
	FB_EV_MIGRATE,	/* struct fb_migrate */
	FB_EV_BIO_HELD, /* struct fb_bio: io.max lets it wait; its FB_EV_BIO comes when it may go */
	FB_EV_MAX,
	/* control ring */
	FB_EV_CONTROL = 64,
	FB_EV_CGROUP = FB_EV_CONTROL, /* struct fb_cgroup */
	FB_EV_ATTACH,		      /* struct fb_attach */
	FB_EV_OOM_KILL,		      /* struct fb_oom_kill: the decision */
	FB_EV_OOM_GROUP,	      /* struct fb_oom_group: the policy's answer */
	FB_EV_OOM_VICTIM,	      /* struct fb_oom_task: marked */
	FB_EV_OOM_SIGKILL,	      /* struct fb_oom_task: SIGKILL generated */
	FB_EV_OOM_EXIT,		      /* struct fb_oom_task: a marked or killed process is gone */
	FB_EV_OOM_REAP,		      /* struct fb_oom_task: the reaper finished with it */
	FB_EV_OOM_MEMBER,	      /* struct fb_oom_member: in the scope of a kill */
	FB_EV_OOM_FREED,	      /* struct fb_oom_task: a marked thread has let go of its memory */
	FB_EV_OOM_DONE,		      /* struct fb_oom_done: all SIGKILLs of a decision are sent */
	FB_EV_OOM_NOBODY,	      /* struct fb_oom_nobody: out of memory, and nobody may be killed */
	/* told by user space, into the same order */
	FB_EV_MEMCG,	  /* struct fb_memcg: what a memcg has counted */
	FB_EV_OOM_REPORT, /* struct fb_oom_report: what memory was, by the kernel's log or by memory.stat */
	FB_EV_OOM_LOOKED, /* struct fb_oom_looked: what was looked at after an episode has been told */
	FB_EV_LOSS,	  /* struct fb_loss: something may be missing up to here */
	FB_EV_OOM_GREW,	  /* struct fb_oom_grew: a process that grew before an episode */
	FB_EV_CONTROL_MAX,
};

/*
 * cgroup_id is kernfs id of the cgroup that owns the event, 64 bits, never truncated. On the
 * unified hierarchy it is the leaf cgroup; on a hybrid host it belongs to the hierarchy of
 * the controller that the event is about (cpu: SWITCH, THROTTLE; memory: CHARGE, STALL, OOM_*;
 * blkio: BIO, RQ; pids: TASK). 0: no cgroup is known (a flush has no bio).
 */
struct fb_hdr {
	__u16 type; /* enum fb_event_type */
	__u16 size; /* of the whole struct, header included */
	__u16 cpu;
	__u16 prog; /* enum fb_prog */
	__u64 ts_ns;
	__u64 cgroup_id;
};
FB_STATIC_ASSERT(sizeof(struct fb_hdr) == 24, "fb_hdr");

/* flags of fb_switch.flags: about the task that leaves (PREV) and the one that comes (NEXT) */
enum fb_switch_flags {
	FB_SW_PREV_RUNNABLE = 1 << 0,  /* it still wants to run: preempted, yielded or throttled */
	FB_SW_PREV_THROTTLED = 1 << 1, /* cpu.max took it off */
	FB_SW_PREV_MEMSTALL = 1 << 2,  /* it blocks inside a PSI memory stall */
	FB_SW_PREV_IOWAIT = 1 << 3,
	FB_SW_PREV_SLICE = 1 << 4, /* slice_ns is known (its switch-in was seen) */
	FB_SW_NEXT_WAIT = 1 << 8,  /* wait_ns is known */
	FB_SW_NEXT_WOKEN = 1 << 9, /* it waited since a wake-up, not since a preemption */
	FB_SW_NEXT_NEW = 1 << 10,  /* since its creation */
	FB_SW_NEXT_HELD = 1 << 11, /* cpu.max held it before: the fb_held event precedes this one */
	FB_SW_PREV_IDLE = 1 << 12, /* prev is the idle task */
	FB_SW_NEXT_IDLE = 1 << 13,
	FB_SW_PREV_KTHREAD = 1 << 14,
	FB_SW_NEXT_KTHREAD = 1 << 15,
};

/*
 * One context switch on one CPU. hdr.cgroup_id is the cgroup of NEXT, the task that waited.
 * wait_ns runs from the instant NEXT became runnable to its switch-in, less the time that
 * cpu.max held it (fb_held): a throttled wait is not contention.
 */
struct fb_switch {
	struct fb_hdr hdr;
	__u64 prev_cgroup_id;
	__u64 slice_ns; /* PREV: time on the CPU since its switch-in */
	__u64 wait_ns;	/* NEXT */
	/*
	 * PREV: interrupts and hypervisor steal within slice_ns, saturating: what rq->clock_task leaves out
	 * (update_rq_clock_task()). Always 0 where the kernel does not account them (meta.kernel_fields
	 * tells).
	 */
	__u32 irq_ns;
	__u32 prev_tid;
	__u32 next_tid;
	__u16 flags;
	__u8 migrations; /* NEXT: moves between CPUs since its last run, saturating */
	__u8 wakeups;	 /* NEXT: wake-ups since its last run, saturating */
};
FB_STATIC_ASSERT(sizeof(struct fb_switch) == 64, "fb_switch");

/* A waiting task moved: its wait goes on in the run queue of to_cpu. The CPU of hdr is the mover's. */
struct fb_migrate {
	struct fb_hdr hdr; /* cgroup of the task */
	__u32 tid;
	__u16 from_cpu;
	__u16 to_cpu;
	__u64 pad[4];
};
FB_STATIC_ASSERT(sizeof(struct fb_migrate) == 64, "fb_migrate");

/*
 * One task was held by cpu.max from held_from to held_until and runs now. Where the end of
 * the throttling is not observable (no fentry), held_until is the switch-in itself, so that
 * the hold includes the wait that followed it.
 */
struct fb_held {
	struct fb_hdr hdr;  /* cgroup of the task */
	__u64 throttler_id; /* the cgroup whose cpu.max held it: own or an ancestor; 0 unknown */
	__u64 held_ns;
	__u64 held_until_ns;
	__u32 tid;
	__u32 exact_end; /* 1: the kernel's unthrottle was seen */
	__u64 pad;
};
FB_STATIC_ASSERT(sizeof(struct fb_held) == 64, "fb_held");

enum fb_throttle_kind {
	FB_THROTTLE_OWN = 1,   /* hdr.cgroup_id's own cpu.max ran out on this CPU */
	FB_THROTTLE_INHERITED, /* an ancestor's did: throttler_id */
};

/* One throttle episode of one cgroup on one CPU, emitted when it ends (or at the stop). */
struct fb_throttle {
	struct fb_hdr hdr;
	__u64 throttler_id;
	__u64 duration_ns;
	__u32 kind;
	__u32 tid;    /* task whose switch showed the end, 0 if the kernel's hook did */
	__u32 source; /* 0 kernel hook, 1 seen by sched_switch */
	__u32 cpu;    /* whose run queue it was: before v6.3 another CPU may end it (8ad075c2eb1f) */
	__u64 pad2;
};
FB_STATIC_ASSERT(sizeof(struct fb_throttle) == 64, "fb_throttle");

struct fb_charge {
	struct fb_hdr hdr;
	__s64 bytes;	/* charged; refused when ret != 0 */
	__u64 stall_ns; /* time of the charge spent in reclaim before it came back, 0: none */
	__s32 ret;
	__u32 tid;
	__u64 pad[2];
};
FB_STATIC_ASSERT(sizeof(struct fb_charge) == 64, "fb_charge");

enum fb_stall_kind {
	FB_STALL_HIGH = 1, /* slept for memory.high */
	FB_STALL_RECLAIM,  /* direct reclaim inside a memcg */
	FB_STALL_REFAULT,  /* PSI memory stall that is neither: swap-in, refault, thrashing */
	FB_STALL_GLOBAL,   /* direct reclaim for the whole machine */
};

struct fb_stall {
	struct fb_hdr hdr; /* cgroup of the task that stalled */
	__u64 duration_ns;
	__u64 amount;	 /* RECLAIM: pages reclaimed; HIGH: pages over */
	__u64 target_id; /* RECLAIM, HIGH: the memcg that the task's memory is charged to; 0: not recorded */
	__u32 kind;
	__u32 tid;
	__u64 pad;
};
FB_STATIC_ASSERT(sizeof(struct fb_stall) == 64, "fb_stall");

enum fb_op { FB_OP_READ = 0, FB_OP_WRITE, FB_OP_DISCARD, FB_OP_FLUSH, FB_OP_OTHER, FB_OP_MAX };

/* One bio as io.stat counts it (before merging): operations and bytes. */
struct fb_bio {
	struct fb_hdr hdr;
	__u64 sector;
	__u32 dev; /* kernel dev_t: major << 20 | minor */
	__u32 bytes;
	__u32 op; /* enum fb_op */
	__u32 tid;
	__u64 pad[2];
};
FB_STATIC_ASSERT(sizeof(struct fb_bio) == 64, "fb_bio");

/* One request, at its completion: where its time went. */
struct fb_rq {
	struct fb_hdr hdr; /* cgroup of its first bio, kept from issue */
	__u64 queue_ns;	   /* request allocated -> issued to the driver; ~0 when unknown */
	__u64 device_ns;   /* issued -> completed */
	__u32 dev;
	__u32 bytes;
	__u32 op;
	__s32 error;  /* negative errno, 0 */
	__u64 sector; /* its first one when it was issued: leads to its bios (fb_bio.sector) */
};
FB_STATIC_ASSERT(sizeof(struct fb_rq) == 64, "fb_rq");
#define FB_UNKNOWN_NS (~0ULL)

enum fb_task_kind { FB_TASK_FORK = 1, FB_TASK_EXIT, FB_TASK_REFUSED };

#define FB_UNKNOWN_PIDS (~0U)
struct fb_task {
	struct fb_hdr hdr;
	__u64 cpu_cgroup_id;
	__u32 pids_current; /* of hdr.cgroup_id after the event, FB_UNKNOWN_PIDS where its counter is not its
			       own */
	__u32 tid;
	__u32 tgid;
	__u16 kind;
	__s16 error;   /* REFUSED: negative errno */
	char comm[16]; /* EXIT: its last name; FORK: its parent's */
};
FB_STATIC_ASSERT(sizeof(struct fb_task) == 64, "fb_task");

struct fb_selftest {
	struct fb_hdr hdr;
	__u64 value;
	__u64 seq;
	__u64 pad[3];
};
FB_STATIC_ASSERT(sizeof(struct fb_selftest) == 64, "fb_selftest");

/* A slot of a batch: any stream event. */
struct fb_event {
	struct fb_hdr hdr;
	__u64 body[5];
};
FB_STATIC_ASSERT(sizeof(struct fb_event) == 64, "fb_event");

/*
 * One ring record: header and n slots. 31 slots make it 2 KiB, so that it fits even a ring of
 * one page. A record holds (record size - 64) / 64 events; n says the same.
 */
#define FB_BATCH_EVENTS 31
struct fb_batch {
	__u32 busy; /* claimed by a program on this CPU */
	__u32 n;    /* events in it */
	__u32 cpu;
	__u32 abi;	/* FB_ABI_VERSION */
	__u64 seq;	/* batches flushed by this CPU: a gap would be a lost record */
	__u64 first_ns; /* timestamp of events[0] */
	__u64 pad[4];
	struct fb_event events[FB_BATCH_EVENTS];
};
FB_STATIC_ASSERT(sizeof(struct fb_batch) == 2048, "fb_batch");
#define FB_BATCH_HEADER 64
#define FB_SEQ_SINGLE	(~0ULL) /* fb_batch.seq of a record of one event, beside the sequence */

/* ---- loss accounting: one per program and CPU ---------------------------------------------- */
/*
 * attempted = delivered + folded + dropped, where delivered is what user space received: the
 * equation is checked with the two sides counted by different parties.
 */
struct fb_stats {
	__u64 attempted;
	__u64 folded;
	__u64 dropped;
	__u64 untracked; /* a task or request without stored state: nothing could be measured */
};
FB_STATIC_ASSERT(sizeof(struct fb_stats) == 32, "fb_stats");

/* ---- folding: histograms in the kernel, with the buckets of user space (histogram.h) --------- */
enum fb_metric {
	FB_M_NONE = 0,
	FB_M_CPU_WAIT,		 /* ns: run-queue wait without the throttled part */
	FB_M_CPU_THROTTLED_WAIT, /* ns: a task held by cpu.max */
	FB_M_CPU_SLICE,		 /* ns on the CPU between two switches */
	FB_M_THROTTLE_OWN,	 /* ns: episodes per CPU */
	FB_M_THROTTLE_INHERITED, /* ns */
	FB_M_MEM_CHARGE,	 /* bytes a charge */
	FB_M_MEM_CHARGE_STALL,	 /* ns: charges that had to reclaim */
	FB_M_MEM_HIGH,		 /* ns */
	FB_M_MEM_RECLAIM,	 /* ns */
	FB_M_MEM_REFAULT,	 /* ns */
	FB_M_MEM_GLOBAL_RECLAIM, /* ns */
	FB_M_IO_QUEUE_READ,	 /* ns before dispatch */
	FB_M_IO_QUEUE_WRITE,
	FB_M_IO_DEVICE_READ, /* ns in the device */
	FB_M_IO_DEVICE_WRITE,
	FB_M_IO_TOTAL_READ, /* ns allocated -> completed */
	FB_M_IO_TOTAL_WRITE,
	FB_M_IO_SIZE_READ, /* bytes a bio, as io.stat counts */
	FB_M_IO_SIZE_WRITE,
	FB_M_IO_DEVICE_OTHER, /* ns: flush, discard and the rest */
	FB_M_SELFTEST,
	FB_M_HIST_MAX,
	/* plain counts: value added to sum, occurrences to count */
	FB_M_WAKEUPS = 64,
	FB_M_MIGRATIONS,
	FB_M_PREEMPTIONS,	 /* left the CPU runnable and not throttled */
	FB_M_THROTTLED_SWITCHES, /* left the CPU because of cpu.max */
	FB_M_CHARGE_FAILED,	 /* bytes refused */
	FB_M_RECLAIMED_PAGES,
	FB_M_IO_ERRORS,
	FB_M_FORKS,
	FB_M_EXITS,
	FB_M_FORKS_REFUSED,
	FB_M_PIDS_PEAK,	    /* max only: largest pids_current seen */
	FB_M_IO_SIZE_OTHER, /* bytes of discards, flushes ... */
	FB_M_MAX,
};

struct fb_fold_key {
	__u64 cgroup_id;
	__u16 metric;
	__u16 bucket;
	__u32 pad;
};
FB_STATIC_ASSERT(sizeof(struct fb_fold_key) == 16, "fb_fold_key");

/* Of the total (bucket FB_FOLD_TOTAL) all four; of a bucket only count. */
struct fb_fold_value {
	__u64 count;
	__u64 sum;
	__u64 min;
	__u64 max;
};
FB_STATIC_ASSERT(sizeof(struct fb_fold_value) == 32, "fb_fold_value");
#define FB_FOLD_TOTAL 0xffff

/* ---- control ring ----------------------------------------------------------------------------- */
#define FB_PATH_MAX 256
#define FB_COMM_MAX 16

enum fb_cgroup_op {
	FB_CG_MKDIR = 1,
	FB_CG_RMDIR, /* carries the kernel's last counters, which die with it */
	FB_CG_RENAME,
	FB_CG_RELEASE,
	FB_CG_POPULATED,
	FB_CG_EMPTY,
};

/* valid bits of fb_cgroup_counters: a counter that the kernel does not keep is not zero */
enum fb_counter_valid {
	FB_CV_CPU = 1 << 0,
	FB_CV_MEMORY = 1 << 1,
	FB_CV_PIDS = 1 << 2,
};

struct fb_cgroup_counters {
	__u32 valid;
	__u32 nr_periods;
	__u32 nr_throttled;
	__u32 pad;
	__u64 throttled_ns;	 /* cfs_bandwidth.throttled_time: own limit */
	__u64 memory_events[10]; /* memory_events_local of enum memcg_memory_event, in its order */
	__u64 memory_watermark;	 /* bytes */
	__u64 pids_watermark;
};
FB_STATIC_ASSERT(sizeof(struct fb_cgroup_counters) == 120, "fb_cgroup_counters");

struct fb_cgroup {
	struct fb_hdr hdr; /* cgroup_id: the cgroup itself */
	__u64 parent_id;
	__s32 hierarchy; /* cgroup_root.hierarchy_id: 0 is the unified one */
	__u32 level;
	__u32 op;
	__u32 path_len; /* bytes of path in use with the NUL */
	struct fb_cgroup_counters last;
	char path[FB_PATH_MAX]; /* within its hierarchy */
};
FB_STATIC_ASSERT(sizeof(struct fb_cgroup) == 24 + 24 + 120 + 256, "fb_cgroup");

struct fb_attach {
	struct fb_hdr hdr; /* destination */
	__s32 hierarchy;
	__u32 tid;
	__u32 tgid;
	__u32 threadgroup;
	char comm[FB_COMM_MAX];
};
FB_STATIC_ASSERT(sizeof(struct fb_attach) == 56, "fb_attach");

struct fb_oom_kill {
	struct fb_hdr hdr;	 /* the memcg whose limit was hit; 0: the whole machine */
	__u64 trigger_cgroup_id; /* memcg of the task that asked */
	__u64 victim_cgroup_id;
	__u64 limit_bytes; /* memory.max, ~0: none */
	__u64 usage_bytes;
	__u64 swap_bytes;
	__u64 total_pages; /* oc->totalpages */
	__s64 points;
	__u32 trigger_tid;
	__u32 trigger_tgid;
	__u32 victim_tid;
	__u32 victim_tgid;
	__s32 order;
	__u32 gfp;
	char trigger_comm[FB_COMM_MAX];
	char victim_comm[FB_COMM_MAX];
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_kill) == 24 + 56 + 24 + 32, "fb_oom_kill");

struct fb_oom_group {
	struct fb_hdr hdr; /* the cgroup that decided (memory.oom.group = 1), 0: single kill */
	__u64 domain_id;
	__u32 victim_tid;
	__u32 victim_tgid;
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_group) == 40, "fb_oom_group");

/* How a signal was sent: the siginfo argument of the kernel's signal functions. */
enum fb_signal_how {
	FB_SIG_UNKNOWN = 0, /* recorded before this was */
	FB_SIG_KERNEL,	    /* SEND_SIG_PRIV: the kernel for itself (the OOM killer among others) */
	FB_SIG_NOINFO,	    /* SEND_SIG_NOINFO: the kernel for a user's request (cgroup.kill) */
	FB_SIG_USER,	    /* with a siginfo: kill(2), tgkill(2), pidfd_send_signal(2) */
};

struct fb_oom_task {
	struct fb_hdr hdr; /* memcg of the task */
	__u64 rss_bytes;   /* anon + file + shmem, as mm counts; ~0 unknown */
	__u64 usage_bytes; /* memory.current of hdr.cgroup_id at that instant, ~0 unknown */
	__u32 tid;
	__u32 tgid;
	__s32 oom_score_adj;
	__u32 sender_tid; /* SIGKILL: who sent it, 0: the kernel */
	__s32 si_code;	  /* SIGKILL: 0x80 SI_KERNEL, 0 SI_USER ... */
	__u32 exit_code;
	char comm[FB_COMM_MAX];
	__u32 marked; /* 1: the OOM killer had marked this process */
	__u32 how;    /* SIGKILL: enum fb_signal_how */
	/* not in every recording: */
	char current_comm[FB_COMM_MAX]; /* SIGKILL: of the task that was running */
	__u32 current_tid;
	__u32 pad;
	__u64 current_cgroup_id; /* SIGKILL: its memcg, 0 not recorded */
};
#define FB_OOM_TASK_OLD 88 /* without what was put at its end */
FB_STATIC_ASSERT(sizeof(struct fb_oom_task) == FB_OOM_TASK_OLD + 32, "fb_oom_task");

/*
 * Between a mark and the SIGKILLs of those that share the victim's memory the kernel writes a line to the
 * console: only its own word tells that no more of them will come.
 */
struct fb_oom_done {
	struct fb_hdr hdr; /* cgroup: as in fb_oom_kill */
	__u32 tid;	   /* who asked for memory and killed */
	__u32 tgid;
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_done) == 24 + 8, "fb_oom_done");

/*
 * out_of_memory() came to nothing: all that is below the limit is protected. The task that asked gets
 * -ENOMEM, or, from a page fault, asks again at once: of one memcg a record a second is told, with how often
 * it was since the last.
 */
struct fb_oom_nobody {
	struct fb_hdr hdr; /* the memcg whose limit was hit; 0: the whole machine */
	__u64 trigger_cgroup_id;
	__u64 limit_bytes; /* memory.max, ~0: none */
	__u64 usage_bytes;
	__u64 swap_bytes;
	__u64 times; /* since the record before, this one included */
	__u32 trigger_tid;
	__u32 trigger_tgid;
	char trigger_comm[FB_COMM_MAX];
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_nobody) == 24 + 40 + 24, "fb_oom_nobody");

enum fb_oom_member_kind {
	FB_OM_SCANNED = 0, /* oom_evaluate_task(): a candidate below the limit that was hit */
	FB_OM_GROUP,	   /* oom_kill_memcg_member(): of the group that is being killed */
	FB_OM_LOGGED, /* user space: a line of the task table in the kernel's log; before its FB_EV_OOM_REPORT
		       */
	FB_OM_LEFT,   /* user space: it lives in the group; before its FB_EV_OOM_LOOKED */
};
enum fb_oom_member_flags {
	FB_OM_KTHREAD = 1 << 0,
	FB_OM_INIT = 1 << 1,   /* of the whole machine: never killed */
	FB_OM_NO_MM = 1 << 2,  /* its main thread has none (any more) */
	FB_OM_VICTIM = 1 << 3, /* marked already, by this kill or an earlier one */
	FB_OM_EXITING = 1 << 4,
};

struct fb_oom_member {
	struct fb_hdr hdr; /* memcg of the process */
	__u64 domain_id;   /* SCANNED: memcg whose limit was hit */
	__u64 start_ns;	   /* task_struct.start_time */
	__u64 rss_bytes;   /* ~0 unknown */
	__s32 oom_score_adj;
	__u32 tid;
	__u32 tgid;
	__u32 kind;
	__u32 flags;
	__u32 current_tid; /* of the task whose allocation it is about */
	char comm[FB_COMM_MAX];
	/* what rss_bytes is made of, and what of it is in swap; not in every recording, ~0 unknown */
	__u64 anon_bytes;
	__u64 file_bytes;
	__u64 shmem_bytes;
	__u64 swap_bytes;
};
#define FB_OOM_MEMBER_OLD 88 /* without what was put at its end */
FB_STATIC_ASSERT(sizeof(struct fb_oom_member) == FB_OOM_MEMBER_OLD + 32, "fb_oom_member");

/* ---- told by user space ----------------------------------------------------------------------- */

/* What a memcg itself has counted (memory_events_local), on v1 and v2: the iterator over cgroups reads it. */
struct fb_memcg {
	struct fb_hdr hdr;
	__u64 usage_bytes;
	__u64 limit_bytes; /* ~0: none */
	__u64 high;
	__u64 max;
	__u64 oom;
	__u64 oom_kill;
	__u64 oom_group_kill;
	__u64 stalled_ns; /* memory.pressure, full: up to some 2 s old; ~0 unknown (v1, PSI off) */
	__u32 first;	  /* 1: read when the run began, what it counts from */
	__u32 pad;
};
FB_STATIC_ASSERT(sizeof(struct fb_memcg) == 24 + 72, "fb_memcg");

/* What memory is made of, as memory.stat has it, of the subtree. file contains shmem; slab is both kinds. */
enum fb_memory_kind {
	FB_MK_ANON = 0,
	FB_MK_FILE,
	FB_MK_SHMEM,
	FB_MK_KERNEL, /* all kernel memory, with the four below */
	FB_MK_KERNEL_STACK,
	FB_MK_PAGETABLES,
	FB_MK_SLAB,
	FB_MK_PERCPU,
	FB_MK_SOCK,
	FB_MK_VMALLOC,
	FB_MK_HUGETLB,
	FB_MK_SWAPCACHED,
	FB_MK_ZSWAP,
	FB_MK_ZSWAPPED,
	FB_MK_MAX,
};

enum fb_oom_report_flags {
	FB_OR_AFTER = 1 << 0, /* memory.stat after the episode; else the kernel's log, from before its kill */
	FB_OR_NOBODY = 1 << 1, /* the log says that there was nobody to kill */
	FB_OR_GLOBAL = 1 << 2, /* no memcg's limit */
};

struct fb_oom_report {
	struct fb_hdr hdr; /* when it was read; AFTER: the memcg, else 0: the log names a path */
	__u64 episode_ns;  /* AFTER: fb_oom_looked.episode_ns */
	__u64 usage_bytes; /* each ~0: not told */
	__u64 limit_bytes;
	__u64 swap_bytes;
	__u64 swap_limit_bytes;
	__u64 kinds[FB_MK_MAX]; /* bytes, by enum fb_memory_kind */
	__u32 victim_tid;	/* as the log names it */
	__u32 flags;
	__u32 order;
	__u32 members; /* records of them before this one */
	char trigger_comm[FB_COMM_MAX];
	char path[FB_PATH_MAX]; /* of the memcg, within its hierarchy */
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_report) == 24 + 40 + 8 * FB_MK_MAX + 16 + 16 + FB_PATH_MAX,
		 "fb_oom_report");

enum fb_oom_looked_flags {
	FB_OL_LIVING = 1 << 0, /* who lives in the group was looked for; it is gone: nobody */
	FB_OL_POLICY =
		1 << 1, /* memory.oom.group was read, policy_id is the uppermost that has it, 0: none */
};

struct fb_oom_looked {
	struct fb_hdr hdr; /* when; 0, or the group that was looked at */
	__u64 episode_ns;  /* OomEpisode.ts_ns */
	__u64 policy_id;
	__u32 flags;
	__u32 left; /* records of FB_OM_LEFT before this one */
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_looked) == 48, "fb_oom_looked");

#define FB_OOM_GROWTHS 3

/* Before its FB_EV_OOM_LOOKED. Bytes are anonymous, shared and swapped ones. */
struct fb_oom_grew {
	struct fb_hdr hdr;		    /* memcg of the process */
	__u64 episode_ns;		    /* fb_oom_looked.episode_ns */
	__u64 bytes;			    /* then */
	__u64 before_bytes[FB_OOM_GROWTHS]; /* some 1, 10 and 60 s before */
	__u64 before_ns[FB_OOM_GROWTHS];    /* so long before; 0: it was not looked at then */
	__u32 tgid;
	__u32 pad;
	char comm[FB_COMM_MAX];
};
FB_STATIC_ASSERT(sizeof(struct fb_oom_grew) == 24 + 16 + 16 * FB_OOM_GROWTHS + 24, "fb_oom_grew");

struct fb_loss {
	struct fb_hdr hdr; /* when it was found */
	__u64 dropped;	   /* records that found no room */
	__u64 missed;	   /* runs of programs that the kernel skipped */
	__u64 damaged;	   /* batches or records */
};
FB_STATIC_ASSERT(sizeof(struct fb_loss) == 48, "fb_loss");

/* ---- what the iterator over processes writes, each second ------------------------------------- */
struct fb_process_memory {
	__u64 memcg_id;
	__u64 start_ns; /* task_struct.start_time: tells a reused pid apart */
	__u64 bytes; /* anonymous, shared and in swap; since v6.2 off by some pages a CPU (percpu_counter) */
	__u32 tgid;
	__u32 pad;
	char comm[FB_COMM_MAX];
};
FB_STATIC_ASSERT(sizeof(struct fb_process_memory) == 48, "fb_process_memory");

/* ---- what the task iterator writes: one record a task, at the start and at the end ------------ */
struct fb_task_record {
	__u32 tid;
	__u32 tgid;
	__u64 start_ns; /* task_struct.start_time: tells a reused tid apart */
	__u64 cpu_cgroup_id;
	__u64 run_delay_ns; /* the kernel's sched_info.run_delay */
	__u64 wait_ns;	    /* ours, same task, since the storage was made */
	__u64 throttled_ns; /* ours: held by cpu.max, not in wait_ns */
	__u64 run_ns;	    /* ours: time on the CPU */
	__u64 sum_exec_ns;  /* the kernel's se.sum_exec_runtime */
	/*
	 * The part of run_delay_ns that was sleep: since v6.12 (152e11f6df29) a task that goes to sleep may
	 * stay queued (delayed dequeue), and if it is moved so, sched_info counts on from there.
	 */
	__u64 slept_delay_ns;
	__u32 waits;
	__u32 flags; /* 1: on the CPU, 2: runnable and waiting now */
	/*
	 * Switches and wake-ups of this task that our programs did not see, though nothing was dropped: the
	 * kernel does not run them where it traces nothing (seen: on a host that hides its agent's threads,
	 * while one of them is current). The sums above lack them.
	 */
	__u32 gaps;
	__u32 pad;
	char comm[FB_COMM_MAX];
};
FB_STATIC_ASSERT(sizeof(struct fb_task_record) == 104, "fb_task_record");
