/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Birth and death of tasks, the pids controller, and the iterator that reads all tasks at once. */
#pragma once

/* The pids cgroup of a task: its own on v2 when the controller is on there, else an ancestor's. */
static __always_inline struct pids_cgroup *task_pids(struct task_struct *task)
{
	return (struct pids_cgroup *)plain(task)
		->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)];
}

static __always_inline void emit_task(struct task_struct *task, u32 kind)
{
	struct pids_cgroup *pids = task_pids(task);
	struct cgroup *owner = TASK_CGROUP(task, FB_C_UNIFIED_PIDS, pids_cgrp_id);
	struct fb_task e = {
		.hdr = EVENT_HDR(FB_EV_TASK, kind == FB_TASK_FORK ? FB_P_FORK : FB_P_EXIT, bpf_ktime_get_ns(),
				 cgroup_id(owner)),
		/* an ancestor's counter would not be this cgroup's */
		.pids_current = BPF_CORE_READ(pids, css.cgroup) == owner ?
					(u32)BPF_CORE_READ(pids, counter.counter) :
					FB_UNKNOWN_PIDS,
		.cpu_cgroup_id = task_cpu_cgroup(task),
		.kind = kind,
		.tid = task->pid,
		.tgid = task->tgid,
	};

	/* the root is never charged */
	if (!e.pids_current)
		e.pids_current = FB_UNKNOWN_PIDS;
	bpf_probe_read_kernel(e.comm, sizeof(e.comm), task->comm);
	EMIT(&e, fold_task);
}

SEC("tp_btf/task_newtask")
int UNPREEMPTED_PROG(task_newtask, struct task_struct *task)
{
	struct task_state *state = bpf_task_storage_get(&task_states, task, 0,
							BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (state)
		state->adopted = 1;
	else
		count_untracked(FB_P_FORK);
	emit_task(task, FB_TASK_FORK);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int UNPREEMPTED_PROG(task_exit, struct task_struct *task)
{
	emit_task(task, FB_TASK_EXIT);
	oom_exit_seen(task);
	return 0;
}

SEC("fexit/pids_can_fork")
int UNPREEMPTED_PROG(fork_refused, struct task_struct *task, struct css_set *cset, int ret)
{
	struct css_set *set = cset;
	struct task_struct *parent;

	if (!ret)
		return 0;
	parent = bpf_get_current_task_btf();
	if (!set)
		set = parent->cgroups;
	struct fb_task e = {
		.hdr = EVENT_HDR(FB_EV_TASK, FB_P_FORK_REFUSED, bpf_ktime_get_ns(),
				 (settings.flags & FB_C_UNIFIED_PIDS) ?
					 BPF_CORE_READ(set, dfl_cgrp, kn, id) :
					 cgroup_id(TASK_CGROUP(parent, FB_C_UNIFIED_PIDS, pids_cgrp_id))),
		.pids_current = FB_UNKNOWN_PIDS,
		.cpu_cgroup_id = task_cpu_cgroup(parent),
		.kind = FB_TASK_REFUSED,
		.tid = parent->pid,
		.tgid = parent->tgid,
		.error = ret,
	};
	EMIT(&e, fold_task);
	return 0;
}

static __always_inline bool running(struct task_struct *task)
{
	/* task_struct.on_cpu changed its type in v7.2 */
	return task_rq(task)->curr == task;
}

/*
 * What a task that existed before us is doing now. A wait is dated by the kernel's own
 * sched_info; a slice under way counts into the sums from now, but is no event: its length is unknown.
 */
static __always_inline void adopt(struct task_state *state, struct task_struct *task)
{
	u64 queued = task->sched_info.last_queued;

	if (state->adopted)
		return;
	state->adopted = 1;
	if (state->run_ns || state->runnable_ns)
		return;
	state->left_run_delay_ns = task->sched_info.run_delay;
	if (running(task)) {
		state->run_ns = rq_time(task_rq(task)->clock);
		state->irq_base_ns = irq_clock(task_rq(task));
		state->partial = 1;
	} else if (queued && task->__state == 0) {
		state->runnable_ns = rq_time(queued);
	}
}

/*
 * Makes the state of every task that lives, and tells what the kernel and we know of it. Sees the
 * tasks of the reader's PID namespace and below.
 */
SEC("iter/task")
int read_tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct fb_task_record r = {};
	struct task_state *state;

	if (!task)
		return 0;
	state = bpf_task_storage_get(&task_states, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state)
		return 0;
	adopt(state, task);
	r.tid = task->pid;
	r.tgid = task->tgid;
	r.start_ns = task->start_time;
	r.cpu_cgroup_id = task_cpu_cgroup(task);
	r.run_delay_ns = task->sched_info.run_delay;
	r.sum_exec_ns = task->se.sum_exec_runtime;
	r.wait_ns = state->wait_total_ns;
	r.throttled_ns = state->held_total_ns;
	r.run_ns = state->run_total_ns;
	/* the slice under way, on the clock of the last tick: sum_exec_runtime counts it as well */
	if (state->run_ns && running(task)) {
		struct rq *rq = task_rq(task);
		u64 now = rq_time(rq->clock), irq = irq_clock(rq) - state->irq_base_ns;

		r.run_ns += now > state->run_ns + irq ? now - state->run_ns - irq : 0;
	}
	/* asleep: what the kernel took for delay since then */
	r.slept_delay_ns = state->slept_delay_ns;
	if (!state->run_ns && !state->runnable_ns)
		r.slept_delay_ns += task->sched_info.run_delay - state->left_run_delay_ns;
	r.waits = state->waits;
	r.gaps = state->gaps;
	r.flags = (state->run_ns ? 1 : 0) | (state->runnable_ns ? 2 : 0);
	bpf_probe_read_kernel(r.comm, sizeof(r.comm), task->comm);
	bpf_seq_write(seq, &r, sizeof(r));
	return 0;
}
