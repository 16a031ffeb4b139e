/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The one place for differences between kernels. A difference is decided by the presence of a
 * field or type, never by a version; each says since when it is so.
 */
#pragma once

/*
 * v6.18 throttles tasks one by one on their way to user space ("sched/fair: Switch to task
 * based throttle model"): the task carries the flag. Before that a whole cfs_rq was taken off.
 */
struct task_struct___v6_18 {
	bool throttled;
} __attribute__((preserve_access_index));

static __always_inline bool kernel_throttles_tasks(void)
{
	return bpf_core_field_exists(struct task_struct___v6_18, throttled);
}

static __always_inline bool task_throttled(struct task_struct *task)
{
	return ((struct task_struct___v6_18 *)task)->throttled;
}

/*
 * Since v6.6 ("sched: add throttled time stat for throttled children") each cfs_rq keeps its own
 * clock of the time in which its tasks could not run, by its own or an ancestor's limit.
 */
static __always_inline bool kernel_keeps_held_clock(void)
{
	return bpf_core_field_exists(((struct cfs_rq *)0)->throttled_clock_self_time);
}

/* Completed holds only. The pointer may be stale by now: probed. */
static __always_inline u64 held_completed(struct cfs_rq *q)
{
	return BPF_CORE_READ(q, throttled_clock_self_time);
}

/* With the hold under way. rq->clock is fresh at a switch or wake-up of that run queue. */
static __always_inline u64 held_clock(struct cfs_rq *q)
{
	u64 since = BPF_CORE_READ(q, throttled_clock_self), now = BPF_CORE_READ(q, rq, clock);

	return held_completed(q) + (since && now > since ? now - since : 0);
}

/*
 * Bit-fields, read through minimal flavours: clang 14 cannot relocate some of vmlinux.h's.
 * cfs_rq.throttled is an int up to v6.12 and one bit since v6.18; the relocation knows.
 */
struct task_struct___bits {
	unsigned int in_iowait : 1;
	unsigned int in_memstall : 1;
} __attribute__((preserve_access_index));
struct cfs_rq___bits {
	unsigned int throttled : 1;
} __attribute__((preserve_access_index));

static __always_inline bool task_in_iowait(struct task_struct *task)
{
	return BPF_CORE_READ_BITFIELD((struct task_struct___bits *)task, in_iowait);
}

static __always_inline bool task_in_memstall(struct task_struct *task)
{
	/* absent without CONFIG_PSI */
	return bpf_core_field_exists(struct task_struct___bits, in_memstall) &&
	       BPF_CORE_READ_BITFIELD((struct task_struct___bits *)task, in_memstall);
}

static __always_inline bool cfs_rq_throttled(struct cfs_rq *q)
{
	return BPF_CORE_READ_BITFIELD_PROBED((struct cfs_rq___bits *)q, throttled);
}

/* mm_struct.rss_stat was struct mm_rss_stat up to v6.1, percpu_counter[4] since v6.2 (f1a7941243c1). */
struct mm_rss_stat___v6_1 {
	atomic_long_t count[4];
} __attribute__((preserve_access_index));
struct mm_struct___v6_1 {
	struct mm_rss_stat___v6_1 rss_stat;
} __attribute__((preserve_access_index));
struct percpu_counter___v6_2 {
	s64 count;
} __attribute__((preserve_access_index));
struct mm_struct___v6_2 {
	struct percpu_counter___v6_2 rss_stat[4];
} __attribute__((preserve_access_index));

/* What an mm counts, as enum of the kernel (include/linux/mm_types_task.h) without a BTF name of its own. */
enum mm_kind {
	MM_FILE = 0,
	MM_ANON,
	MM_SWAP,
	MM_SHMEM,
};

static __always_inline u64 mm_pages(struct mm_struct *mm, enum mm_kind kind)
{
	s64 n = 0;

	if (bpf_core_type_exists(struct mm_rss_stat___v6_1)) {
		struct mm_struct___v6_1 *old = (void *)mm;

		bpf_core_read(&n, sizeof(n), &old->rss_stat.count[kind]);
	} else {
		/* an array of percpu_counter: its stride is the kernel's sizeof, not the flavour's */
		u64 at = bpf_core_type_size(struct percpu_counter) * kind +
			 bpf_core_field_offset(struct percpu_counter, count);
		struct mm_struct___v6_2 *new = (void *)mm;

		bpf_probe_read_kernel(&n, sizeof(n), (void *)&new->rss_stat + at);
	}
	return n > 0 ? n : 0;
}

static __always_inline u64 mm_resident_pages(struct mm_struct *mm)
{
	return mm_pages(mm, MM_FILE) + mm_pages(mm, MM_ANON) + mm_pages(mm, MM_SHMEM);
}

/* memory events of a memcg: v7.2 has ten, earlier kernels nine; the first nine kept their places. */
static __always_inline u32 memory_event_count(void)
{
	return bpf_core_field_size(((struct mem_cgroup *)0)->memory_events_local) / sizeof(atomic_long_t);
}
