/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* cgroups made, removed, renamed; tasks moved. A cgroup's last kernel counters go with its removal. */
#pragma once

static __always_inline void last_cpu(struct cgroup *cgrp, struct fb_cgroup_counters *c)
{
	struct cgroup_subsys_state *css =
		((struct cgroup *)plain_as(cgrp, FB_T_CGROUP))
			->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)];
	struct task_group *tg = (struct task_group *)css; /* css is its first member */

	if (!css || BPF_CORE_READ(css, cgroup) != cgrp)
		return;
	c->nr_periods = BPF_CORE_READ(tg, cfs_bandwidth.nr_periods);
	c->nr_throttled = BPF_CORE_READ(tg, cfs_bandwidth.nr_throttled);
	c->throttled_ns = BPF_CORE_READ(tg, cfs_bandwidth.throttled_time);
	c->valid |= FB_CV_CPU;
}

static __always_inline void last_memory(struct cgroup *cgrp, struct fb_cgroup_counters *c)
{
	struct cgroup_subsys_state *css =
		((struct cgroup *)plain_as(cgrp, FB_T_CGROUP))
			->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)];
	struct mem_cgroup *memcg = (struct mem_cgroup *)css;
	u32 n = memory_event_count();

	if (!css || BPF_CORE_READ(css, cgroup) != cgrp)
		return;
	for (u32 i = 0; i < 10; i++)
		if (i < n)
			bpf_probe_read_kernel(
				&c->memory_events[i], sizeof(u64),
				(void *)memcg +
					bpf_core_field_offset(struct mem_cgroup, memory_events_local) +
					i * sizeof(u64));
	c->memory_watermark = BPF_CORE_READ(memcg, memory.watermark) << settings.page_shift;
	c->valid |= FB_CV_MEMORY;
}

static __always_inline void last_pids(struct cgroup *cgrp, struct fb_cgroup_counters *c)
{
	struct cgroup_subsys_state *css =
		((struct cgroup *)plain_as(cgrp, FB_T_CGROUP))
			->subsys[bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)];

	if (!css || BPF_CORE_READ(css, cgroup) != cgrp)
		return;
	c->pids_watermark = BPF_CORE_READ((struct pids_cgroup *)css, watermark);
	c->valid |= FB_CV_PIDS;
}

static __always_inline int emit_cgroup(struct cgroup *cgrp, const char *path, u32 op)
{
	struct fb_cgroup *e = control_reserve(sizeof(*e), FB_P_CGROUP);
	struct cgroup_subsys_state *parent;
	long n;

	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_CGROUP, sizeof(*e), FB_P_CGROUP,
		       cgroup_id(plain_as(cgrp, FB_T_CGROUP)));
	parent = BPF_CORE_READ(cgrp, self.parent);
	e->parent_id = parent ? BPF_CORE_READ(parent, cgroup, kn, id) : 0;
	e->hierarchy = BPF_CORE_READ(cgrp, root, hierarchy_id);
	e->level = cgrp->level;
	e->op = op;
	__builtin_memset(&e->last, 0, sizeof(e->last));
	if (op == FB_CG_RMDIR) {
		last_cpu(cgrp, &e->last);
		last_memory(cgrp, &e->last);
		last_pids(cgrp, &e->last);
	}
	n = bpf_probe_read_kernel_str(e->path, sizeof(e->path), path);
	e->path_len = n > 0 ? n : 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int UNPREEMPTED_PROG(cgroup_mkdir, struct cgroup *cgrp, const char *path)
{
	return emit_cgroup(cgrp, path, FB_CG_MKDIR);
}

SEC("tp_btf/cgroup_rmdir")
int UNPREEMPTED_PROG(cgroup_rmdir, struct cgroup *cgrp, const char *path)
{
	return emit_cgroup(cgrp, path, FB_CG_RMDIR);
}

SEC("tp_btf/cgroup_rename")
int UNPREEMPTED_PROG(cgroup_rename, struct cgroup *cgrp, const char *path)
{
	return emit_cgroup(cgrp, path, FB_CG_RENAME);
}

SEC("tp_btf/cgroup_release")
int UNPREEMPTED_PROG(cgroup_release, struct cgroup *cgrp, const char *path)
{
	return emit_cgroup(cgrp, path, FB_CG_RELEASE);
}

SEC("tp_btf/cgroup_notify_populated")
int UNPREEMPTED_PROG(cgroup_populated, struct cgroup *cgrp, const char *path, int populated)
{
	return emit_cgroup(cgrp, path, populated ? FB_CG_POPULATED : FB_CG_EMPTY);
}

SEC("tp_btf/cgroup_attach_task")
int UNPREEMPTED_PROG(cgroup_attach, struct cgroup *cgrp, const char *path, struct task_struct *task,
		     bool threadgroup)
{
	struct fb_attach *e = control_reserve(sizeof(*e), FB_P_CGROUP);

	if (!e)
		return 0;
	control_header(&e->hdr, FB_EV_ATTACH, sizeof(*e), FB_P_CGROUP,
		       cgroup_id(plain_as(cgrp, FB_T_CGROUP)));
	e->hierarchy = BPF_CORE_READ(cgrp, root, hierarchy_id);
	e->tid = task->pid;
	e->tgid = task->tgid;
	e->threadgroup = threadgroup;
	bpf_probe_read_kernel(e->comm, FB_COMM_MAX, task->comm);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}
