/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Run queue, time on the CPU, preemptions, migrations: one event a context switch carries both
 * what the leaving task got and what the coming one waited for.
 */
#pragma once

#define PF_KTHREAD 0x00200000

static __always_inline struct task_state *state_of(struct task_struct *task)
{
	return bpf_task_storage_get(&task_states, task, 0, 0);
}

/*
 * What the kernel took for run delay since the task left the CPU. It is not always the time that the task
 * waited. Since v6.12 a task that goes to sleep may stay queued for a while (delayed dequeue); if it is moved
 * to another CPU then, enqueue_task() dates sched_info from there, and sleep becomes delay (seen: 504 ms for
 * an idle kcompactd0). And sched_info_depart() takes a task that is preempted while about to sleep for one
 * that does not wait, until it is moved.
 */
static __always_inline u64 run_delay_since_left(struct task_state *state, struct task_struct *task, u64 clock)
{
	u64 queued = task->sched_info.last_queued;

	return task->sched_info.run_delay - state->left_run_delay_ns +
	       (queued && queued < clock ? clock - queued : 0);
}

static __always_inline int on_wakeup(struct task_struct *task, bool fresh)
{
	struct task_state *state = state_of(task);
	struct rq *rq;
	u64 clock, now;

	if (!state) {
		count_untracked(FB_P_WAKEUP);
		return 0;
	}
	if (state->wakeups != 255)
		state->wakeups++;
	/* on the CPU still, or queued already (delayed dequeue, since v6.12): no wait begins */
	if (state->run_ns || state->runnable_ns)
		return 0;
	rq = task_rq(task);
	clock = rq->clock;
	now = rq_time(clock);
	state->slept_delay_ns += run_delay_since_left(state, task, clock);
	state->runnable_ns = now;
	state->uncounted = 0;
	state->woken = !fresh;
	state->fresh = fresh;
	hold_begin(state, task, rq->cpu, now, kernel_throttles_tasks() && task_throttled(task));
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *task)
{
	return on_wakeup(task, false);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new, struct task_struct *task)
{
	return on_wakeup(task, true);
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(sched_migrate_task, struct task_struct *task, int to_cpu)
{
	struct task_state *state = state_of(task);

	if (!state) {
		count_untracked(FB_P_MIGRATE);
		return 0;
	}
	if (state->migrations != 255)
		state->migrations++;
	if (state->hold_cgroup && !kernel_keeps_held_clock() && !(settings.flags & FB_C_THROTTLE_BY_SWITCH))
		hold_migrate(state, to_cpu, bpf_ktime_get_ns());
	if (state->runnable_ns) {
		struct rq *from = task_rq(task);
		struct fb_migrate e = {
			.hdr = EVENT_HDR(FB_EV_MIGRATE, FB_P_MIGRATE, rq_time(from->clock),
					 task_cpu_cgroup(task)),
			.tid = task->pid,
			.from_cpu = from->cpu,
			.to_cpu = to_cpu,
		};

		EMIT(&e, fold_migrate);
	}
	return 0;
}

/* Interrupts and steal so far on this CPU: what rq->clock_task leaves out of rq->clock. */
static __always_inline u64 irq_clock(struct rq *rq)
{
	return rq->clock - rq->clock_task;
}

/* Did cpu.max take this task off, though it wants to run on? */
static __always_inline bool switched_out_by_quota(struct task_struct *prev)
{
	if (kernel_throttles_tasks())
		return task_throttled(prev);
	return quota_applies(prev) && task_queue(prev)->throttle_count > 0;
}

static __always_inline void leave_cpu(struct fb_switch *e, struct task_state *state, struct task_struct *prev,
				      struct rq *rq, bool preempt, u32 cpu)
{
	u64 now = e->hdr.ts_ns;
	/* preempted while about to sleep: the state says asleep, the task is runnable all the same */
	bool runnable = preempt || prev->__state == 0;

	state->left_run_delay_ns = prev->sched_info.run_delay;
	if (state->run_ns) {
		u64 irq = irq_clock(rq) - state->irq_base_ns;

		e->slice_ns = now > state->run_ns ? now - state->run_ns : 0;
		irq = irq < e->slice_ns ? irq : e->slice_ns;
		e->irq_ns = state->partial ? 0 : irq < ~0U ? irq : ~0U;
		e->flags |= state->partial ? 0 : FB_SW_PREV_SLICE;
		state->run_total_ns += e->slice_ns - irq;
		state->run_ns = 0;
		state->partial = 0;
	} else {
		state->gaps++;
	}
	if (runnable) {
		bool throttled = switched_out_by_quota(prev);

		e->flags |= FB_SW_PREV_RUNNABLE | (throttled ? FB_SW_PREV_THROTTLED : 0);
		state->runnable_ns = now;
		state->woken = 0;
		state->fresh = 0;
		state->uncounted = prev->__state != 0;
		hold_begin(state, prev, cpu, now, throttled);
		return;
	}
	state->runnable_ns = 0;
	if (task_in_iowait(prev))
		e->flags |= FB_SW_PREV_IOWAIT;
	if (task_in_memstall(prev)) {
		e->flags |= FB_SW_PREV_MEMSTALL;
		if ((settings.flags & FB_C_MEMSTALL_BY_SWITCH) && !state->memstall_ns)
			state->memstall_ns = now;
	}
}

static __always_inline void take_cpu(struct fb_switch *e, struct task_state *state, struct task_struct *next,
				     struct rq *rq)
{
	u64 now = e->hdr.ts_ns;

	/* never seen to leave, or to become runnable: see fb_task_record.gaps */
	if (state->run_ns || !state->runnable_ns)
		state->gaps++;
	if (state->runnable_ns) {
		u64 wait = now > state->runnable_ns ? now - state->runnable_ns : 0;
		u64 held = hold_end(state, e->next_tid, now, wait);

		e->wait_ns = wait - held;
		e->flags |= FB_SW_NEXT_WAIT | (held ? FB_SW_NEXT_HELD : 0) |
			    (state->woken ? FB_SW_NEXT_WOKEN : 0) | (state->fresh ? FB_SW_NEXT_NEW : 0);
		/* what read_tasks compares with the kernel's sum */
		if (state->uncounted) {
			u64 counted = run_delay_since_left(state, next, rq->clock);

			state->wait_total_ns += counted < wait ? counted : wait;
		} else {
			state->wait_total_ns += wait - held;
			state->held_total_ns += held;
		}
		state->waits++;
		state->runnable_ns = 0;
	}
	e->wakeups = state->wakeups;
	e->migrations = state->migrations;
	state->wakeups = 0;
	state->migrations = 0;
	state->irq_base_ns = irq_clock(rq);
	state->run_ns = now;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct rq *rq = task_rq(prev);
	u64 now = rq_time(rq->clock);
	u32 cpu = bpf_get_smp_processor_id();
	struct fb_switch e = {
		.hdr = EVENT_HDR(FB_EV_SWITCH, FB_P_SWITCH, now, task_cpu_cgroup(next)),
		.prev_cgroup_id = task_cpu_cgroup(prev),
		.prev_tid = prev->pid,
		.next_tid = next->pid,
	};
	struct task_state *state;

	if (prev->flags & PF_KTHREAD)
		e.flags |= FB_SW_PREV_KTHREAD;
	if (next->flags & PF_KTHREAD)
		e.flags |= FB_SW_NEXT_KTHREAD;
	/* pid 0 is the idle task of every CPU: it never waits and shares no slot */
	if (prev->pid == 0) {
		e.flags |= FB_SW_PREV_IDLE;
	} else {
		state = state_of(prev);
		if (state)
			leave_cpu(&e, state, prev, rq, preempt, cpu);
		else
			count_untracked(FB_P_SWITCH);
	}
	if (next->pid == 0) {
		e.flags |= FB_SW_NEXT_IDLE;
	} else {
		state = state_of(next);
		if (state) {
			if ((settings.flags & FB_C_MEMSTALL_BY_SWITCH) && state->memstall_ns)
				end_memstall(state, next, now);
			take_cpu(&e, state, next, rq);
		} else {
			count_untracked(FB_P_SWITCH);
		}
	}
	EMIT(&e, fold_switch);
	return 0;
}
