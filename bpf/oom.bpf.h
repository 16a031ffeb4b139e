/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An OOM kill from the decision to the last exit: which limit, which policy, each victim
 * marked, killed, gone. In the kernel's order SIGKILL comes just before the mark.
 */
#pragma once

#define SIGKILL		  9
#define PF_EXITING	  0x4
#define OOM_SCORE_ADJ_MIN (-1000)
#define ONE_SECOND_NS	  1000000000ULL

static __always_inline u64 pages_to_bytes(u64 pages)
{
	return pages << settings.page_shift;
}

static __always_inline struct mem_cgroup *task_memcg(struct task_struct *task)
{
	return (struct mem_cgroup *)plain(task)
		->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)];
}

static __always_inline u64 memcg_limit(struct mem_cgroup *memcg)
{
	u64 pages = BPF_CORE_READ(memcg, memory.max);

	/* PAGE_COUNTER_MAX: no limit */
	return pages >= (~0ULL >> 1) >> settings.page_shift ? ~0ULL : pages_to_bytes(pages);
}

SEC("fentry/oom_kill_process")
int UNPREEMPTED_PROG(oom_decision, struct oom_control *arg)
{
	struct oom_control *oc = plain_as(arg, FB_T_OOM_CONTROL);
	struct task_struct *current = bpf_get_current_task_btf(), *chosen = oc->chosen;
	struct mem_cgroup *memcg = oc->memcg;
	struct fb_oom_kill *e = control_reserve(sizeof(*e), FB_P_OOM);

	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_OOM_KILL, sizeof(*e), FB_P_OOM, memcg_id(memcg));
	e->trigger_cgroup_id = task_memcg_id(current);
	e->trigger_tid = current->pid;
	e->trigger_tgid = current->tgid;
	bpf_probe_read_kernel(e->trigger_comm, FB_COMM_MAX, current->comm);
	e->victim_cgroup_id = 0;
	e->victim_tid = 0;
	e->victim_tgid = 0;
	__builtin_memset(e->victim_comm, 0, FB_COMM_MAX);
	if (chosen) {
		struct cgroup_subsys_state *css;
		u32 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) & 15;

		e->victim_tid = chosen->pid;
		e->victim_tgid = chosen->tgid;
		bpf_probe_read_kernel(e->victim_comm, FB_COMM_MAX, chosen->comm);
		css = NULL;
		bpf_probe_read_kernel(&css, sizeof(css), &chosen->cgroups->subsys[index]);
		e->victim_cgroup_id = BPF_CORE_READ(css, cgroup, kn, id);
	}
	e->limit_bytes = memcg ? memcg_limit(memcg) : ~0ULL;
	e->usage_bytes = memcg ? pages_to_bytes(BPF_CORE_READ(memcg, memory.usage.counter)) : 0;
	e->swap_bytes = memcg ? pages_to_bytes(BPF_CORE_READ(memcg, swap.usage.counter)) : 0;
	e->total_pages = oc->totalpages;
	e->points = oc->chosen_points;
	e->order = oc->order;
	e->gfp = oc->gfp_mask;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* The group's members are killed in here too. */
SEC("fexit/oom_kill_process")
int UNPREEMPTED_PROG(oom_done, struct oom_control *arg)
{
	struct oom_control *oc = plain_as(arg, FB_T_OOM_CONTROL);
	struct task_struct *current = bpf_get_current_task_btf();
	struct mem_cgroup *memcg = oc->memcg;
	struct fb_oom_done *e = control_reserve(sizeof(*e), FB_P_OOM);

	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_OOM_DONE, sizeof(*e), FB_P_OOM, memcg_id(memcg));
	e->tid = current->pid;
	e->tgid = current->tgid;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* NULL: the policy is off, one process dies. */
SEC("fexit/mem_cgroup_get_oom_group")
int UNPREEMPTED_PROG(oom_policy, struct task_struct *victim, struct mem_cgroup *domain,
		     struct mem_cgroup *ret)
{
	struct fb_oom_group *e = control_reserve(sizeof(*e), FB_P_OOM);

	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_OOM_GROUP, sizeof(*e), FB_P_OOM, memcg_id(ret));
	e->domain_id = memcg_id(domain);
	e->victim_tid = victim->pid;
	e->victim_tgid = victim->tgid;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

static __always_inline struct fb_oom_task *oom_task(struct task_struct *task, u32 type)
{
	/*
	 * Read before the reservation: v6.1's verifier takes no ring memory as a map key, and
	 * forgets that a reservation was checked when anything stands between it and the check.
	 */
	u32 tgid = task->tgid;
	struct mem_cgroup *memcg;
	struct fb_oom_task *e;
	struct mm_struct *mm;

	e = control_reserve(sizeof(*e), FB_P_OOM);
	if (!e)
		return NULL;
	control_header(&e->hdr, type, sizeof(*e), FB_P_OOM, task_memcg_id(task));
	memcg = task_memcg(task);
	mm = plain(task)->mm;
	e->rss_bytes = mm ? pages_to_bytes(mm_resident_pages(mm)) : ~0ULL;
	e->usage_bytes = memcg ? pages_to_bytes(BPF_CORE_READ(memcg, memory.usage.counter)) : ~0ULL;
	e->tid = task->pid;
	e->tgid = tgid;
	e->oom_score_adj = plain(task)->signal->oom_score_adj;
	e->sender_tid = 0;
	e->si_code = 0;
	e->exit_code = task->exit_code;
	e->marked = bpf_map_lookup_elem(&oom_marked, &tgid) != NULL;
	e->how = FB_SIG_UNKNOWN;
	e->current_tid = current_tid();
	e->pad = 0;
	e->current_cgroup_id = task_memcg_id(bpf_get_current_task_btf());
	bpf_probe_read_kernel(e->comm, FB_COMM_MAX, task->comm);
	bpf_get_current_comm(e->current_comm, FB_COMM_MAX);
	return e;
}

static __always_inline void emit_oom_exit(struct task_struct *task)
{
	struct fb_oom_task *e = oom_task(task, FB_EV_OOM_EXIT);

	if (e) {
		e->marked = 1;
		bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	}
}

/*
 * The last thread of a marked process. Up to v6.15 its mm is gone by now; since v6.16 ("sched: move
 * and extend the sched_process_exit() tracepoint") the tracepoint comes before exit_mm(), which a
 * victim's mark held up until then: so the exit can come before the mark, which SIGKILL precedes
 * anyway. Then the mark tells the exit. Whoever deletes the mark tells, so that it is told once,
 * and two programs ask, since a preempted one is skipped for the next task.
 */
static __always_inline void oom_exit_seen(struct task_struct *task)
{
	u32 tgid = task->tgid;
	u64 now;

	if (plain(task)->signal->live.counter)
		return;
	if (bpf_map_delete_elem(&oom_marked, &tgid)) {
		if ((plain(task)->signal->group_exit_code & 0x7f) != SIGKILL)
			return;
		now = bpf_ktime_get_ns();
		bpf_map_update_elem(&killed_exits, &tgid, &now, BPF_ANY);
		/* marked in between? */
		if (bpf_map_delete_elem(&oom_marked, &tgid))
			return;
		bpf_map_delete_elem(&killed_exits, &tgid);
	}
	emit_oom_exit(task);
}

SEC("tp_btf/mark_victim")
int UNPREEMPTED_PROG(oom_mark, struct task_struct *task)
{
	u32 tgid = task->tgid; /* task may be any thread that still has the mm */
	u64 now = bpf_ktime_get_ns();
	struct fb_oom_task *e;

	bpf_map_update_elem(&oom_marked, &tgid, &now, BPF_ANY);
	e = oom_task(task, FB_EV_OOM_VICTIM);
	if (e)
		bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	if (!bpf_map_delete_elem(&killed_exits, &tgid)) {
		bpf_map_delete_elem(&oom_marked, &tgid);
		emit_oom_exit(task);
	}
	return 0;
}

SEC("tp_btf/signal_generate")
int UNPREEMPTED_PROG(oom_sigkill, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	struct fb_oom_task *e;

	if (sig != SIGKILL)
		return 0;
	e = oom_task(task, FB_EV_OOM_SIGKILL);
	if (!e)
		return 0;
	/* SEND_SIG_NOINFO is 0 (from user), SEND_SIG_PRIV is 1 (from the kernel) */
	if ((u64)info == 1) {
		e->si_code = 0x80;
		e->how = FB_SIG_KERNEL;
	} else {
		e->sender_tid = e->current_tid;
		e->how = info ? FB_SIG_USER : FB_SIG_NOINFO;
		if (info)
			e->si_code = BPF_CORE_READ(info, si_code);
	}
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int UNPREEMPTED_PROG(oom_exit, struct task_struct *task)
{
	oom_exit_seen(task);
	return 0;
}

/* Often silent: victims usually exit before the reaper is due. */
SEC("tp_btf/finish_task_reaping")
int UNPREEMPTED_PROG(oom_reaped, int pid)
{
	struct fb_oom_task *e = control_reserve(sizeof(*e), FB_P_OOM);

	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	control_header(&e->hdr, FB_EV_OOM_REAP, sizeof(*e), FB_P_OOM, 0);
	e->tid = pid;
	e->tgid = pid;
	e->rss_bytes = ~0ULL;
	e->usage_bytes = ~0ULL;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

static __always_inline int emit_oom_member(struct task_struct *task, u32 kind, u64 domain_id)
{
	struct fb_oom_member *e = control_reserve_minor(sizeof(*e), FB_P_OOM);
	struct mm_struct *mm;

	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_OOM_MEMBER, sizeof(*e), FB_P_OOM, task_memcg_id(task));
	mm = plain(task)->mm;
	e->domain_id = domain_id;
	e->start_ns = task->start_time;
	e->anon_bytes = mm ? pages_to_bytes(mm_pages(mm, MM_ANON)) : ~0ULL;
	e->file_bytes = mm ? pages_to_bytes(mm_pages(mm, MM_FILE)) : ~0ULL;
	e->shmem_bytes = mm ? pages_to_bytes(mm_pages(mm, MM_SHMEM)) : ~0ULL;
	e->swap_bytes = mm ? pages_to_bytes(mm_pages(mm, MM_SWAP)) : ~0ULL;
	e->rss_bytes = mm ? e->anon_bytes + e->file_bytes + e->shmem_bytes : ~0ULL;
	e->oom_score_adj = plain(task)->signal->oom_score_adj;
	e->tid = task->pid;
	e->tgid = task->tgid;
	e->kind = kind;
	e->flags = (task->flags & PF_KTHREAD ? FB_OM_KTHREAD : 0) | (task->tgid == 1 ? FB_OM_INIT : 0) |
		   (mm ? 0 : FB_OM_NO_MM) | (plain(task)->signal->oom_mm ? FB_OM_VICTIM : 0) |
		   (task->flags & PF_EXITING ? FB_OM_EXITING : 0);
	e->current_tid = current_tid();
	bpf_probe_read_kernel(e->comm, FB_COMM_MAX, task->comm);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Was it told of this memcg within the last second that nobody in it may be killed? */
static __always_inline bool nobody_told(u64 id, u64 now)
{
	struct oom_nobody *nobody = bpf_map_lookup_elem(&oom_nobodies, &id);

	return nobody && now - nobody->told_ns < ONE_SECOND_NS;
}

/*
 * Each process below the limit that was hit, while a victim is sought. When the whole machine is out
 * of memory that is every process of it, and none of them is in the scope of anything.
 */
SEC("fentry/oom_evaluate_task")
int UNPREEMPTED_PROG(oom_scan, struct task_struct *task, void *arg)
{
	struct oom_control *oc = arg;
	struct mem_cgroup *memcg = BPF_CORE_READ(oc, memcg);
	u64 id;

	/*
	 * A victim that has not gone ends the scan without a decision, and whoever lowers memory.max scans
	 * again and again until it has: 50,000 times in a write that keeps us from reading the ring.
	 */
	if (!memcg || plain(task)->signal->oom_mm)
		return 0;
	id = memcg_id_probed(memcg);
	/* Where nobody may be killed a page fault asks again and again: they are told once a second. */
	if (plain(task)->signal->oom_score_adj == OOM_SCORE_ADJ_MIN && nobody_told(id, bpf_ktime_get_ns()))
		return 0;
	return emit_oom_member(task, FB_OM_SCANNED, id);
}

/*
 * false, and nobody was chosen: there is nobody to kill. True without a choice: the task that asks is dying
 * anyway, or the kernel found memory elsewhere. A choice of -1: a victim of before has not gone yet.
 */
SEC("fexit/out_of_memory")
int UNPREEMPTED_PROG(oom_nobody, struct oom_control *arg, u64 ret)
{
	struct oom_control *oc = plain_as(arg, FB_T_OOM_CONTROL);
	struct task_struct *current = bpf_get_current_task_btf();
	struct oom_nobody *known, first = { .told_ns = 0, .untold = 0 };
	struct mem_cgroup *memcg = oc->memcg;
	u64 id = memcg_id(memcg), now = bpf_ktime_get_ns();
	struct fb_oom_nobody *e;

	/* a bool: the rest of the register is whatever it was */
	if ((u8)ret || oc->chosen)
		return 0;
	bpf_map_update_elem(&oom_nobodies, &id, &first, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&oom_nobodies, &id);
	if (!known)
		return 0;
	/* under oom_lock, as all that changes it */
	known->untold++;
	if (now - known->told_ns < ONE_SECOND_NS)
		return 0;
	e = control_reserve(sizeof(*e), FB_P_OOM);
	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_OOM_NOBODY, sizeof(*e), FB_P_OOM, id);
	e->trigger_cgroup_id = task_memcg_id(current);
	e->trigger_tid = current->pid;
	e->trigger_tgid = current->tgid;
	bpf_probe_read_kernel(e->trigger_comm, FB_COMM_MAX, current->comm);
	e->limit_bytes = memcg ? memcg_limit(memcg) : ~0ULL;
	e->usage_bytes = memcg ? pages_to_bytes(BPF_CORE_READ(memcg, memory.usage.counter)) : 0;
	e->swap_bytes = memcg ? pages_to_bytes(BPF_CORE_READ(memcg, swap.usage.counter)) : 0;
	e->times = known->untold;
	known->untold = 0;
	known->told_ns = now;
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("fentry/oom_kill_memcg_member")
int UNPREEMPTED_PROG(oom_member, struct task_struct *task)
{
	return emit_oom_member(task, FB_OM_GROUP, 0);
}

/* In exit_mm(), after mmput(): the last thread of a process has given its memory back by then. */
SEC("fentry/exit_oom_victim")
int oom_freed(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct fb_oom_task *e;

	preempt_off();
	e = oom_task(current, FB_EV_OOM_FREED);
	if (e) {
		e->marked = 1;
		bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	}
	preempt_on();
	return 0;
}

static __always_inline u64 counted_event(struct mem_cgroup *memcg, u32 which)
{
	u64 n = 0;

	bpf_probe_read_kernel(&n, sizeof(n),
			      (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memory_events_local) +
				      which * sizeof(u64));
	return n;
}
#define COUNTED(memcg, which) counted_event(memcg, bpf_core_enum_value(enum memcg_memory_event, which))

/* Time in which all its tasks that wanted to run were stalled on memory, as PSI last summed it up. */
static __always_inline u64 memory_stalled(struct cgroup *cgrp)
{
	struct psi_group *psi;
	u64 ns = 0;

	/* empty without CONFIG_PSI; NULL on v1 */
	if (!bpf_core_field_exists(((struct psi_group *)0)->total))
		return ~0ULL;
	psi = BPF_CORE_READ(cgrp, psi);
	if (!psi ||
	    bpf_probe_read_kernel(&ns, sizeof(ns),
				  (void *)psi + bpf_core_field_offset(struct psi_group, total) +
					  bpf_core_enum_value(enum psi_states, PSI_MEM_FULL) * sizeof(u64)))
		return ~0ULL;
	return ns;
}

/* What each memcg below a cgroup has counted, if it has: v1 shows one of these in its files, the kernel keeps
 * all. */
SEC("iter/cgroup")
int read_memcgs(struct bpf_iter__cgroup *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct cgroup *cgrp = ctx->cgroup;
	struct cgroup_subsys_state *css;
	struct mem_cgroup *memcg;
	struct fb_memcg r = {};

	if (!cgrp)
		return 0;
	css = cgrp->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)];
	/* where the controller is off, or only on above */
	if (!css || BPF_CORE_READ(css, cgroup) != cgrp)
		return 0;
	memcg = (struct mem_cgroup *)css;
	r.hdr.type = FB_EV_MEMCG;
	r.hdr.size = sizeof(r);
	r.hdr.cpu = bpf_get_smp_processor_id();
	r.hdr.ts_ns = bpf_ktime_get_ns();
	r.hdr.cgroup_id = BPF_CORE_READ(cgrp, kn, id);
	r.usage_bytes = pages_to_bytes(BPF_CORE_READ(memcg, memory.usage.counter));
	r.limit_bytes = memcg_limit(memcg);
	r.high = COUNTED(memcg, MEMCG_HIGH);
	r.max = COUNTED(memcg, MEMCG_MAX);
	r.oom = COUNTED(memcg, MEMCG_OOM);
	r.oom_kill = COUNTED(memcg, MEMCG_OOM_KILL);
	r.oom_group_kill = COUNTED(memcg, MEMCG_OOM_GROUP_KILL);
	/* most have counted nothing, and are not told */
	if (!(r.high | r.max | r.oom | r.oom_kill | r.oom_group_kill))
		return 0;
	if (memcgs_met++ < memcgs_skip)
		return 0;
	r.stalled_ns = memory_stalled(cgrp);
	bpf_seq_write(seq, &r, sizeof(r));
	return 0;
}

/* What each process holds. */
SEC("iter/task")
int read_memory(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct fb_process_memory r = {};
	struct mm_struct *mm;

	/* the other threads share it */
	if (!task || task->pid != task->tgid)
		return 0;
	mm = plain(task)->mm;
	if (!mm || task->flags & PF_KTHREAD)
		return 0;
	r.memcg_id = task_memcg_id(task);
	r.start_ns = task->start_time;
	r.bytes = pages_to_bytes(mm_pages(mm, MM_ANON) + mm_pages(mm, MM_SHMEM) + mm_pages(mm, MM_SWAP));
	r.tgid = task->tgid;
	bpf_probe_read_kernel(r.comm, sizeof(r.comm), task->comm);
	bpf_seq_write(seq, &r, sizeof(r));
	return 0;
}
