/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Maps and per-task state shared by all program families. */
#pragma once

/* Set by user space before the load. */
const volatile struct fb_config settings;

/*
 * 1 between the two instants at which the kernel's own counters are read: events outside of
 * that window would spoil the comparison. State is kept all the time.
 */
volatile __u32 recording;

/*
 * What we keep of a task. Made by the task iterator and at fork, in process context: the
 * scheduler hooks only look it up, since an allocation under the run-queue lock could wake
 * kswapd and deadlock.
 */
struct task_state {
	u64 runnable_ns; /* waiting since, 0: not waiting */
	u64 run_ns;	 /* on the CPU since, 0: not running (or not seen to start) */
	u64 held_ns;	 /* held by cpu.max since, 0: not held */
	u64 hold_queue;	 /* the cfs_rq that it waits in, where the kernel keeps a held clock */
	u64 hold_clock;	 /* the clock of its cgroup and CPU when the wait began */
	u64 hold_acc_ns; /* held time of this wait on CPUs that it left */
	u64 hold_cgroup; /* cgroup whose throttle clock that is, 0: none */
	u64 throttler_id;
	u64 wait_total_ns;
	u64 held_total_ns;
	u64 run_total_ns;      /* without interrupts and steal, as sum_exec_runtime */
	u64 irq_base_ns;       /* interrupts of this CPU's run queue at the switch-in */
	u64 left_run_delay_ns; /* the kernel's run_delay when it left the CPU */
	u64 slept_delay_ns;    /* what it grew by in sleep, in all */
	u64 reclaim_ns;	       /* in memcg reclaim since */
	u64 global_reclaim_ns;
	u64 high_ns;
	u64 memstall_ns;     /* in a PSI memory stall since */
	u64 charge_stall_ns; /* reclaim started inside the charge under way */
	u32 high_pages;
	u32 waits;
	u32 gaps; /* switches and wake-ups of it that were hidden from us */
	u32 hold_cpu;
	u32 episode_cpu;
	u8 woken;
	u8 fresh;
	u8 wakeups;
	u8 migrations;
	u8 reclaimed; /* reclaim or memory.high was part of the memory stall */
	u8 episode;   /* 1: a throttle episode is open that its next run closes */
	u8 adopted;   /* the iterator, or its fork, has seen it */
	u8 partial;   /* run_ns is not its switch-in: no slice can be told */
	u8 uncounted; /* the kernel's run_delay leaves (some of) this wait out */
	u8 pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

/* One batch a CPU; readable by user space without a system call, to see what waits. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* nr_cpus, set before load */
	__type(key, u32);
	__type(value, struct fb_batch);
} batches SEC(".maps");

struct stream_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* One ring a CPU: a shared one falls tenfold with the number of CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* nr_cpus */
	__type(key, u32);
	__array(values, struct stream_ring);
} rings SEC(".maps");

/* OOM and cgroup life cycle: rare, and each one matters. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} control SEC(".maps");

/*
 * Added to atomically: several programs share a row (OOM, charges, cgroup life), and one may be
 * interrupted or preempted by another between reading and writing it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FB_P_MAX);
	__type(key, u32);
	__type(value, struct fb_stats);
} stats SEC(".maps");

/* Where events go when their ring is full. Preallocated: nothing allocates on the hot path. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fb_fold_key);
	__type(value, struct fb_fold_value);
} fold_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, struct fb_fold_key);
	__type(value, u64);
} fold_buckets SEC(".maps");

/* Throttle clock of one cgroup on one CPU: how long its tasks could not run there. */
struct throttle_key {
	u64 cgroup_id;
	u32 cpu;
	u32 own; /* 1: by its own cpu.max only; 0: own or inherited */
};
struct throttle_clock {
	u64 since_ns; /* 0: not throttled now */
	u64 total_ns;
	u64 throttler_id;
	u64 queue;	   /* the cfs_rq whose own clock tells the duration, 0: ours does */
	u64 queue_base_ns; /* that clock when the episode began */
	u32 depth;	   /* nested throttling ancestors */
	u32 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct throttle_key);
	__type(value, struct throttle_clock);
} throttle_clocks SEC(".maps");

/* A request on its way, by address, from issue to completion. */
struct rq_state {
	u64 issue_ns;
	u64 queue_ns;
	u64 cgroup_id;
	u32 dev;
	u32 bytes;
	u32 left; /* bytes not completed yet */
	u32 op;
	u64 sector;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct rq_state);
} requests SEC(".maps");

/* Processes that exit by SIGKILL and are not marked (yet), by tgid: see oom_exit_seen(). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} killed_exits SEC(".maps");

/* Processes that the OOM killer marked, by tgid, until they are gone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u64);
} oom_marked SEC(".maps");

/*
 * An iterator over cgroups shows what fits into 8 pages and refuses to go on (cgroup_iter_seq_start(),
 * kernel/bpf/cgroup_iter.c): the next one passes over what was shown. Set by user space.
 */
volatile __u32 memcgs_skip;
volatile __u32 memcgs_met;

/* memcgs in which nobody may be killed: when that was told, and how often it was since. See oom_nobody(). */
struct oom_nobody {
	u64 told_ns;
	u64 untold;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct oom_nobody);
} oom_nobodies SEC(".maps");

/*
 * Scheduler times are read from rq->clock, which the scheduler has just updated for its own
 * accounting: it costs two loads where a clock read costs 30 ns, leaves no gap between the end
 * of one task's slice and the begin of the next one's, and makes our sums those of the kernel.
 * It differs from CLOCK_MONOTONIC by a constant (less the slewing of NTP): the least difference
 * seen between attaching and the begin of the recording.
 */
volatile __s64 rq_clock_offset = 0x7fffffffffffffff;

static __always_inline u64 rq_time(u64 clock)
{
	if (!recording) {
		/* signed: the scheduler's clock may be ahead, and a stale one must not pass for less */
		s64 offset = bpf_ktime_get_ns() - clock;

		if (offset < rq_clock_offset)
			rq_clock_offset = offset;
	}
	return clock + rq_clock_offset;
}
