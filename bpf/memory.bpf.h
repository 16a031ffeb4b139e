/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Charges, memory.high, reclaim inside a memcg, swap-in and refault waits. */
#pragma once

static __always_inline struct task_state *current_state(u32 prog)
{
	struct task_state *state = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);

	if (!state)
		count_untracked(prog);
	return state;
}

static __always_inline void emit_stall(u32 prog, u32 kind, u64 id, u64 target, u64 since, u64 now, u64 amount,
				       u32 tid)
{
	struct fb_stall e = {
		.hdr = EVENT_HDR(FB_EV_STALL, prog, now, id),
		.duration_ns = now > since ? now - since : 0,
		.amount = amount,
		.target_id = target,
		.kind = kind,
		.tid = tid,
	};
	EMIT(&e, fold_stall);
}

static __always_inline u32 current_tid(void)
{
	return (u32)bpf_get_current_pid_tgid();
}

/* ---- charges -------------------------------------------------------------------------------------- */

static __always_inline void emit_charge(u64 id, s64 bytes, int ret, u64 now, u64 stall_since)
{
	struct fb_charge e = {
		.hdr = EVENT_HDR(FB_EV_CHARGE, FB_P_CHARGE, now, id),
		.bytes = bytes,
		.stall_ns = stall_since && now > stall_since ? now - stall_since : 0,
		.ret = ret,
		.tid = current_tid(),
	};
	EMIT(&e, fold_charge);
}

/*
 * Every charge passes here, also those served from the per-CPU stock. Sum the bytes, do not
 * count the calls: large folios (v6.18) charge many pages at once.
 */
SEC("fexit/try_charge_memcg")
int UNPREEMPTED_PROG(charge, struct mem_cgroup *memcg, unsigned int gfp, unsigned int nr_pages, int ret)
{
	struct task_state *state = bpf_task_storage_get(&task_states, bpf_get_current_task_btf(), 0, 0);
	u64 since = 0;

	if (state) {
		since = state->charge_stall_ns;
		state->charge_stall_ns = 0;
	}
	emit_charge(memcg_id(memcg), (s64)nr_pages << settings.page_shift, ret, bpf_ktime_get_ns(), since);
	return 0;
}

/*
 * Without fentry, since v6.18: pages as they enter the memcg's statistics. Anonymous and file
 * pages by lruvec, kernel memory by memcg. Most calls are about other things and return at once.
 */
static __always_inline void emit_growth(struct mem_cgroup *memcg, s64 pages)
{
	preempt_off();
	emit_charge(memcg_id(memcg), pages << settings.page_shift, 0, bpf_ktime_get_ns(), 0);
	preempt_on();
}

SEC("tp_btf/mod_memcg_lruvec_state")
int BPF_PROG(charge_lruvec, struct mem_cgroup *memcg, int item, long delta)
{
	if ((int)delta <= 0)
		return 0;
	if (item != bpf_core_enum_value(enum node_stat_item, NR_ANON_MAPPED) &&
	    item != bpf_core_enum_value(enum node_stat_item, NR_FILE_PAGES))
		return 0;
	emit_growth(memcg, (int)delta);
	return 0;
}

SEC("tp_btf/mod_memcg_state")
int BPF_PROG(charge_kernel, struct mem_cgroup *memcg, int item, long delta)
{
	if ((int)delta <= 0 || item != bpf_core_enum_value(enum memcg_stat_item, MEMCG_KMEM))
		return 0;
	emit_growth(memcg, (int)delta);
	return 0;
}

/* ---- memory.high ----------------------------------------------------------------------------------- */

/* Up to v6.12 it runs on every return to user space: most calls have nothing to do. */
static __always_inline int high_begin(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 over = task->memcg_nr_pages_over_high;
	struct task_state *state;

	if (!over)
		return 0;
	state = current_state(FB_P_HIGH);
	if (state) {
		state->high_ns = bpf_ktime_get_ns();
		state->high_pages = over;
		state->reclaimed = 1;
	}
	return 0;
}

static __always_inline int high_end(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = bpf_task_storage_get(&task_states, task, 0, 0);

	if (!state || !state->high_ns)
		return 0;
	emit_stall(FB_P_HIGH, FB_STALL_HIGH, task_memory_cgroup(task), task_memcg_id(task), state->high_ns,
		   bpf_ktime_get_ns(), state->high_pages, task->pid);
	state->high_ns = 0;
	return 0;
}

SEC("fentry/mem_cgroup_handle_over_high")
int UNPREEMPTED_PROG(high_enter_old)
{
	return high_begin();
}

SEC("fexit/mem_cgroup_handle_over_high")
int UNPREEMPTED_PROG(high_exit_old)
{
	return high_end();
}

SEC("fentry/__mem_cgroup_handle_over_high")
int UNPREEMPTED_PROG(high_enter)
{
	return high_begin();
}

SEC("fexit/__mem_cgroup_handle_over_high")
int UNPREEMPTED_PROG(high_exit)
{
	return high_end();
}

/* ---- reclaim --------------------------------------------------------------------------------------- */

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int UNPREEMPTED_PROG(reclaim_begin)
{
	struct task_state *state = current_state(FB_P_RECLAIM);

	if (!state)
		return 0;
	state->reclaim_ns = bpf_ktime_get_ns();
	state->reclaimed = 1;
	if (!state->charge_stall_ns)
		state->charge_stall_ns = state->reclaim_ns;
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int UNPREEMPTED_PROG(reclaim_end, unsigned long nr_reclaimed)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = bpf_task_storage_get(&task_states, task, 0, 0);

	if (!state || !state->reclaim_ns)
		return 0;
	emit_stall(FB_P_RECLAIM, FB_STALL_RECLAIM, task_memory_cgroup(task), task_memcg_id(task),
		   state->reclaim_ns, bpf_ktime_get_ns(), nr_reclaimed, task->pid);
	state->reclaim_ns = 0;
	/* memory.high reclaims on its way to user space, outside any charge */
	if (state->high_ns)
		state->charge_stall_ns = 0;
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int UNPREEMPTED_PROG(global_reclaim_begin)
{
	struct task_state *state = current_state(FB_P_RECLAIM);

	if (state) {
		state->global_reclaim_ns = bpf_ktime_get_ns();
		state->reclaimed = 1;
	}
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int UNPREEMPTED_PROG(global_reclaim_end, unsigned long nr_reclaimed)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = bpf_task_storage_get(&task_states, task, 0, 0);

	if (!state || !state->global_reclaim_ns)
		return 0;
	emit_stall(FB_P_RECLAIM, FB_STALL_GLOBAL, task_memory_cgroup(task), 0, state->global_reclaim_ns,
		   bpf_ktime_get_ns(), nr_reclaimed, task->pid);
	state->global_reclaim_ns = 0;
	return 0;
}

/* ---- swap-in and refault: a PSI memory stall that is neither reclaim nor memory.high ----------------- */

static __always_inline void end_memstall(struct task_state *state, struct task_struct *task, u64 now)
{
	u64 since = state->memstall_ns;

	state->memstall_ns = 0;
	if (!state->reclaimed && !state->reclaim_ns && !state->global_reclaim_ns && !state->high_ns)
		emit_stall(FB_P_MEMSTALL, FB_STALL_REFAULT, task_memory_cgroup(task), 0, since, now, 0,
			   task->pid);
	/* by switch: further sleeps of the same stall are still reclaim's */
	if (!(settings.flags & FB_C_MEMSTALL_BY_SWITCH) || !task_in_memstall(task))
		state->reclaimed = 0;
}

SEC("fentry/psi_memstall_enter")
int UNPREEMPTED_PROG(memstall_enter)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state;

	if (task_in_memstall(task))
		return 0; /* nested */
	state = current_state(FB_P_MEMSTALL);
	if (state) {
		state->memstall_ns = bpf_ktime_get_ns();
		state->reclaimed = state->high_ns != 0;
	}
	return 0;
}

SEC("fentry/psi_memstall_leave")
int UNPREEMPTED_PROG(memstall_leave, unsigned long *flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = bpf_task_storage_get(&task_states, task, 0, 0);
	unsigned long nested = 0;

	bpf_probe_read_kernel(&nested, sizeof(nested), flags);
	if (nested || !state || !state->memstall_ns)
		return 0;
	end_memstall(state, task, bpf_ktime_get_ns());
	return 0;
}
