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

static __always_inline int on_wakeup(struct task_struct *task, bool fresh)
{
	struct task_state *state = state_of(task);
	u64 now;

	if (!state) {
		count_untracked(FB_P_WAKEUP);
		return 0;
	}
	if (state->wakeups != 255)
		state->wakeups++;
	/* on the CPU still, or queued already (delayed dequeue, since v6.12): no wait begins */
	if (state->run_ns || state->runnable_ns)
		return 0;
	now = rq_time(task->se.cfs_rq->rq->clock);
	state->runnable_ns = now;
	state->uncounted = 0;
	state->woken = !fresh;
	state->fresh = fresh;
	hold_begin(state, task, task->se.cfs_rq->rq->cpu, now,
		   kernel_throttles_tasks() && task_throttled(task));
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
	return 0;
}

/* Did cpu.max take this task off, though it wants to run on? */
static __always_inline bool switched_out_by_quota(struct task_struct *prev)
{
	if (kernel_throttles_tasks())
		return task_throttled(prev);
	return quota_applies(prev) && prev->se.cfs_rq->throttle_count > 0;
}

static __always_inline void leave_cpu(struct fb_switch *e, struct task_state *state, struct task_struct *prev,
				      bool preempt, u32 cpu)
{
	u64 now = e->hdr.ts_ns;
	/* preempted while about to sleep: the state says asleep, the task is runnable all the same */
	bool runnable = preempt || prev->__state == 0;

	if (state->run_ns) {
		e->slice_ns = now > state->run_ns ? now - state->run_ns : 0;
		e->flags |= state->partial ? 0 : FB_SW_PREV_SLICE;
		state->run_total_ns += e->slice_ns;
		state->run_ns = 0;
		state->partial = 0;
	}
	if (runnable) {
		bool throttled = switched_out_by_quota(prev);

		e->flags |= FB_SW_PREV_RUNNABLE | (throttled ? FB_SW_PREV_THROTTLED : 0);
		state->runnable_ns = now;
		state->woken = 0;
		state->fresh = 0;
		/* sched_info_depart() takes a task that was about to sleep for one that does not wait */
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

static __always_inline void take_cpu(struct fb_switch *e, struct task_state *state, struct task_struct *next)
{
	u64 now = e->hdr.ts_ns;

	if (state->runnable_ns) {
		u64 wait = now > state->runnable_ns ? now - state->runnable_ns : 0;
		u64 held = hold_end(state, e->next_tid, now, wait);

		e->wait_ns = wait - held;
		e->flags |= FB_SW_NEXT_WAIT | (held ? FB_SW_NEXT_HELD : 0) |
			    (state->woken ? FB_SW_NEXT_WOKEN : 0) | (state->fresh ? FB_SW_NEXT_NEW : 0);
		/* what read_tasks compares with the kernel's sum */
		if (!state->uncounted) {
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
	state->run_ns = now;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = rq_time(prev->se.cfs_rq->rq->clock);
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
			leave_cpu(&e, state, prev, preempt, cpu);
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
			take_cpu(&e, state, next);
		} else {
			count_untracked(FB_P_SWITCH);
		}
	}
	EMIT(&e);
	return 0;
}
