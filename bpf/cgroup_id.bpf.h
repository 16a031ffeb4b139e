/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From kernel objects to the 64-bit id of the cgroup that owns them. Plain BTF loads: no helper. */
#pragma once

static __always_inline u64 cgroup_id(struct cgroup *cgrp)
{
	return cgrp->kn->id;
}

/*
 * The cgroup of a task for a controller: on cgroup v2 the leaf, else where that controller's
 * own hierarchy has it. The index of a controller differs between kernels' configurations.
 */
#define TASK_CGROUP(task, unified, which)                                                                    \
	((settings.flags & (unified)) ?                                                                      \
		 plain(task)->cgroups->dfl_cgrp :                                                            \
		 plain(task)->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, which)]->cgroup)

static __always_inline u64 task_group_id(struct task_group *tg)
{
	return ((struct task_group *)plain_as(tg, FB_T_TASK_GROUP))->css.cgroup->kn->id;
}

static __always_inline u64 cfs_rq_cgroup(struct cfs_rq *q)
{
	return ((struct cfs_rq *)plain_as(q, FB_T_CFS_RQ))->tg->css.cgroup->kn->id;
}

static __always_inline u64 task_cpu_cgroup(struct task_struct *task)
{
	return cgroup_id(TASK_CGROUP(task, FB_C_UNIFIED_CPU, cpu_cgrp_id));
}

/* Whose time a stall on memory is: that of the cgroup which the task is in. */
static __always_inline u64 task_memory_cgroup(struct task_struct *task)
{
	return cgroup_id(TASK_CGROUP(task, FB_C_UNIFIED_MEMORY, memory_cgrp_id));
}

/*
 * Whose memory it is: on cgroup v2 the nearest one from the task's own upwards that has the memory controller
 * (cgroup.subtree_control of its parent), which charges, has the limits and counts the kills.
 */
static __always_inline u64 task_memcg_id(struct task_struct *task)
{
	return cgroup_id(plain(task)
				 ->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]
				 ->cgroup);
}

/* A hook's argument, or what a direct load gave: such loads read 0 where there is nothing. */
static __always_inline u64 memcg_id(struct mem_cgroup *memcg)
{
	return ((struct mem_cgroup *)plain_as(memcg, FB_T_MEM_CGROUP))->css.cgroup->kn->id;
}

/* Of a pointer that the verifier does not know as one, since it was itself probed. */
static __always_inline u64 memcg_id_probed(struct mem_cgroup *memcg)
{
	return BPF_CORE_READ(memcg, css.cgroup, kn, id);
}

/* 0 when the pointer chain is not there: a bio of a flush has no blkg. */
static __always_inline u64 bio_cgroup(struct bio *bio)
{
	return BPF_CORE_READ(bio, bi_blkg, blkcg, css.cgroup, kn, id);
}
