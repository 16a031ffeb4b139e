/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * cpu.max: who is held, since when, by whom.
 *
 * A wait is told apart from a hold by a clock that runs only while the tasks of a cgroup cannot
 * run on a CPU because of its own or an ancestor's limit: the held part of a wait is the
 * difference of two readings. So a task that waits through several periods, or is queued
 * behind the one that spent the quota, comes out right. Three sources, best first:
 *   the kernel's own clock in each cfs_rq (since v6.6);
 *   ours, a (cgroup, CPU), driven by fentry;
 *   neither: a hold lasts from the switch-out of a throttled task to its switch-in.
 * Episodes come from the kernel's begin and end where fentry is allowed, else from what the
 * scheduler shows of them.
 */
#pragma once

#define THROTTLE_LEVELS 12

/*
 * The nearest queue above (or of) an entity whose own quota is spent on this CPU, by address; 0: none.
 * Global as start_clock() is.
 */
__noinline u64 find_throttler(u64 queue, u64 parent)
{
	for (int i = 0; i < THROTTLE_LEVELS && queue; i++) {
		if (cfs_rq_throttled((struct cfs_rq *)queue))
			return queue;
		if (!parent)
			break;
		queue = (u64)BPF_CORE_READ((struct sched_entity *)parent, cfs_rq);
		parent = (u64)BPF_CORE_READ((struct sched_entity *)parent, parent);
	}
	return 0;
}

/* False for the many that no quota can touch: saves them the rest. */
static __always_inline bool quota_applies(struct task_struct *task)
{
	struct sched_entity *se = &task->se;

	/*
	 * RUNTIME_INF: no limit up to the root. Before v6.6 (c98c18270be1 "sched, cgroup: Restore
	 * meaning to hierarchical_quota") a signed minimum made it infinite on cgroup v2 always:
	 * there the queues tell.
	 */
	if (!bpf_core_field_exists(((struct cfs_rq *)0)->runtime_enabled))
		return false; /* built without CONFIG_CFS_BANDWIDTH */
	if (kernel_keeps_held_clock())
		return plain(task)->sched_task_group->cfs_bandwidth.hierarchical_quota != -1;
	for (int i = 0; i < THROTTLE_LEVELS && se; i++) {
		if (se->cfs_rq->runtime_enabled)
			return true;
		se = se->parent;
	}
	return false;
}

static __always_inline struct throttle_clock *clock_of(u64 id, u32 cpu, u32 own, bool make)
{
	struct throttle_key key = { .cgroup_id = id, .cpu = cpu, .own = own };
	struct throttle_clock *clock = bpf_map_lookup_elem(&throttle_clocks, &key);

	if (!clock && make) {
		struct throttle_clock zero = {};

		if (bpf_map_update_elem(&throttle_clocks, &key, &zero, BPF_NOEXIST))
			count_untracked(FB_P_THROTTLE);
		clock = bpf_map_lookup_elem(&throttle_clocks, &key);
	}
	return clock;
}

static __always_inline u64 read_clock(struct throttle_clock *clock, u64 now)
{
	u64 since = clock->since_ns;

	return clock->total_ns + (since && now > since ? now - since : 0);
}

static __always_inline void emit_throttle(u64 id, u64 throttler, u64 duration, u64 now, u32 kind, u32 cpu,
					  u32 tid, u32 source)
{
	struct fb_throttle e = {
		.hdr = EVENT_HDR(FB_EV_THROTTLE, FB_P_THROTTLE, now, id),
		.throttler_id = throttler,
		.duration_ns = duration,
		.kind = kind,
		.tid = tid,
		.source = source,
		.cpu = cpu,
	};
	EMIT(&e, fold_throttle);
}

/*
 * Both are rare, and global so that the verifier does not read them after each way through a switch. Such a
 * function takes five arguments and, up to v6.12, no pointer to an object of the kernel: the queue is an
 * address.
 */
#define OWN_CLOCK (1ULL << 32) /* with the number of the CPU: see throttle_key.own */

__noinline int start_clock(u64 id, u64 cpu_own, u64 throttler, u64 now, u64 queue)
{
	struct throttle_clock *clock = clock_of(id, (u32)cpu_own, cpu_own >> 32, true);

	if (!clock || clock->since_ns)
		return 0;
	clock->throttler_id = throttler;
	clock->queue = 0;
	if (queue && kernel_keeps_held_clock()) {
		clock->queue = queue;
		clock->queue_base_ns = held_completed((struct cfs_rq *)queue);
	}
	clock->since_ns = now;
	return 0;
}

__noinline int stop_clock(u64 id, u64 cpu_own, u64 now, u32 tid, u32 source)
{
	u32 cpu = cpu_own, own = cpu_own >> 32;
	struct throttle_clock *clock = clock_of(id, cpu, own, false);
	u64 duration, throttler;

	if (!clock || !clock->since_ns)
		return 0;
	duration = now > clock->since_ns ? now - clock->since_ns : 0;
	if (clock->queue && kernel_keeps_held_clock()) {
		u64 held = held_completed((struct cfs_rq *)clock->queue) - clock->queue_base_ns;

		/* more than went by: the queue died and its memory is another's */
		if (held && held <= duration + 1000000)
			duration = held;
	}
	clock->total_ns += duration;
	clock->since_ns = 0;
	throttler = own ? id : clock->throttler_id;
	if (own || throttler != id)
		emit_throttle(id, throttler, duration, now, own ? FB_THROTTLE_OWN : FB_THROTTLE_INHERITED,
			      cpu, tid, source);
	return 0;
}

/* ---- with fentry -------------------------------------------------------------------------------- */

/* Since v6.18 the kernel's clock starts here, when the first task is really held. */
SEC("fentry/record_throttle_clock")
int BPF_PROG(throttle_begin_task, struct cfs_rq *q)
{
	u64 id = cfs_rq_cgroup(q), now = bpf_ktime_get_ns();
	u32 cpu = q->rq->cpu;
	struct throttle_clock *clock;

	/* set already: this queue's clock runs */
	if (q->throttled_clock_self)
		return 0;
	clock = clock_of(id, cpu, 0, true);
	if (clock)
		start_clock(id, cpu, clock->throttler_id ?: id, now, 0);
	return 0;
}

/*
 * An episode of the own limit as cpu.stat counts it: from throttled_clock, which the kernel
 * sets only once a task is there to be held (since v6.6), to now.
 */
SEC("fentry/unthrottle_cfs_rq")
int BPF_PROG(throttle_end, struct cfs_rq *q)
{
	u64 id = cfs_rq_cgroup(q), now = bpf_ktime_get_ns(), since = q->throttled_clock;

	if (!since)
		return 0;
	since = rq_time(since);
	emit_throttle(id, id, now > since ? now - since : 0, now, FB_THROTTLE_OWN, q->rq->cpu, 0, 0);
	return 0;
}

/* The throttler at work on this CPU, while it walks its descendants. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} current_throttler SEC(".maps");

SEC("fentry/throttle_cfs_rq")
int BPF_PROG(throttle_walk, struct cfs_rq *q)
{
	u32 zero = 0;
	u64 *id = bpf_map_lookup_elem(&current_throttler, &zero);

	if (id)
		*id = cfs_rq_cgroup(q);
	return 0;
}

/*
 * Called for the throttled cgroup and each descendant, with the run queue. Up to v6.17 this
 * is where all of them stop; since v6.18 it only says who the throttler is, and
 * record_throttle_clock() starts each clock.
 */
SEC("fentry/tg_throttle_down")
int BPF_PROG(throttle_down, struct task_group *tg, void *data)
{
	u64 id = task_group_id(tg);
	u32 zero = 0, cpu = BPF_CORE_READ((struct rq *)data, cpu);
	u64 *throttler = bpf_map_lookup_elem(&current_throttler, &zero);
	struct throttle_clock *clock = clock_of(id, cpu, 0, true);

	if (!clock || !throttler)
		return 0;
	if (clock->depth++ == 0)
		clock->throttler_id = *throttler;
	if (clock->depth == 1 && !kernel_throttles_tasks())
		clock->since_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("fentry/tg_unthrottle_up")
int BPF_PROG(throttle_up, struct task_group *tg, void *data)
{
	u64 id = task_group_id(tg);
	u32 cpu = BPF_CORE_READ((struct rq *)data, cpu);
	struct throttle_clock *clock = clock_of(id, cpu, 0, false);

	if (!clock)
		return 0;
	if (clock->depth && --clock->depth)
		return 0;
	stop_clock(id, cpu, bpf_ktime_get_ns(), 0, 0);
	return 0;
}

/* ---- what the scheduler hooks ask ---------------------------------------------------------------- */

/* A task was taken off by quota: episodes of the throttler, and of its cgroup below, begin. */
static __always_inline void episode_begin(struct task_state *state, struct task_struct *task, u32 cpu,
					  u64 now)
{
	/* read, not loaded: numbers to the verifier */
	u64 queue = (u64)BPF_CORE_READ(task, se.cfs_rq);
	u64 throttler = find_throttler(queue, (u64)BPF_CORE_READ(task, se.parent));

	state->throttler_id = throttler ? BPF_CORE_READ((struct cfs_rq *)throttler, tg, css.cgroup, kn, id) :
					  0;
	if (!(settings.flags & FB_C_THROTTLE_BY_SWITCH))
		return;
	state->episode_cpu = cpu;
	state->episode = 1;
	if (throttler)
		start_clock(state->throttler_id, cpu | OWN_CLOCK, state->throttler_id, now, throttler);
	if (state->throttler_id != state->hold_cgroup)
		start_clock(state->hold_cgroup, cpu, state->throttler_id, now, queue);
}

/* It runs again: the first one to do so shows that the episode is over. */
static __always_inline void episode_end(struct task_state *state, u32 tid, u64 now)
{
	if (state->throttler_id)
		stop_clock(state->throttler_id, state->episode_cpu | OWN_CLOCK, now, tid, 1);
	if (state->throttler_id != state->hold_cgroup)
		stop_clock(state->hold_cgroup, state->episode_cpu, now, tid, 1);
	state->episode = 0;
}

/* A wait begins on this CPU: note the clock that will tell its held part. */
static __always_inline void hold_begin(struct task_state *state, struct task_struct *task, u32 cpu, u64 now,
				       bool throttled)
{
	state->hold_cgroup = 0;
	if (!throttled && !quota_applies(task))
		return;
	state->hold_cgroup = task_cpu_cgroup(task);
	state->hold_cpu = cpu;
	state->hold_acc_ns = 0;
	state->held_ns = throttled ? now : 0;
	state->throttler_id = 0;
	if (kernel_keeps_held_clock()) {
		struct cfs_rq *queue = task_queue(task);

		state->hold_queue = (u64)queue;
		state->hold_clock = held_clock(queue);
	} else if (!(settings.flags & FB_C_THROTTLE_BY_SWITCH)) {
		struct throttle_clock *clock = clock_of(state->hold_cgroup, cpu, 0, false);

		state->hold_clock = clock ? read_clock(clock, now) : 0;
	}
	if (throttled)
		episode_begin(state, task, cpu, now);
}

/* The waiting task moves to another CPU: settle with the clock here, go on with the one there. */
static __always_inline void hold_migrate(struct task_state *state, u32 to_cpu, u64 now)
{
	struct throttle_clock *clock = clock_of(state->hold_cgroup, state->hold_cpu, 0, false);

	if (clock && read_clock(clock, now) > state->hold_clock)
		state->hold_acc_ns += read_clock(clock, now) - state->hold_clock;
	clock = clock_of(state->hold_cgroup, to_cpu, 0, false);
	state->hold_clock = clock ? read_clock(clock, now) : 0;
	state->hold_cpu = to_cpu;
}

static __always_inline u64 held_part(struct task_state *state, u64 now)
{
	struct throttle_clock *clock;
	u64 reading;

	if (kernel_keeps_held_clock()) {
		reading = held_clock((struct cfs_rq *)state->hold_queue);
		return reading > state->hold_clock ? reading - state->hold_clock : 0;
	}
	if (settings.flags & FB_C_THROTTLE_BY_SWITCH)
		return state->held_ns && now > state->held_ns ? now - state->held_ns : 0;
	clock = clock_of(state->hold_cgroup, state->hold_cpu, 0, false);
	if (!clock)
		return state->hold_acc_ns;
	reading = read_clock(clock, now);
	return state->hold_acc_ns + (reading > state->hold_clock ? reading - state->hold_clock : 0);
}

/* The wait is over: how much of it was held. Tells it as an event when some was. */
static __always_inline u64 hold_end(struct task_state *state, u32 tid, u64 now, u64 wait_ns)
{
	u64 held;

	if (!state->hold_cgroup)
		return 0;
	held = held_part(state, now);
	if (state->episode)
		episode_end(state, tid, now);
	if (held > wait_ns)
		held = wait_ns;
	if (held) {
		struct fb_held e = {
			.hdr = EVENT_HDR(FB_EV_HELD, FB_P_SWITCH, now, state->hold_cgroup),
			.throttler_id = state->throttler_id,
			.held_ns = held,
			.held_until_ns = now,
			.tid = tid,
			.exact_end = kernel_keeps_held_clock() || !(settings.flags & FB_C_THROTTLE_BY_SWITCH),
		};

		/* queued behind the one that spent the quota: the clock knows by whom */
		if (!e.throttler_id) {
			struct throttle_clock *clock = clock_of(state->hold_cgroup, state->hold_cpu, 0,
								false);

			e.throttler_id = clock ? clock->throttler_id : 0;
		}
		EMIT(&e, fold_held);
	}
	state->hold_cgroup = 0;
	state->held_ns = 0;
	return held;
}
