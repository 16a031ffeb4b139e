// SPDX-License-Identifier: Apache-2.0
// Loads the programs of a BPF object one by one, so that one which the kernel refuses keeps no other from loading.
//
// libbpf gives up with the first program that is refused. So it only prepares them here (maps, CO-RE, constants,
// calls): a section handler takes each finished program over, loads it, and leaves libbpf two instructions in its
// place. Not thread-safe; one loader at a time on a thread.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/probe/session.hpp"

#include <map>
#include <string>
#include <vector>

struct bpf_object_skeleton;
struct bpf_insn;
struct bpf_program;
struct bpf_prog_load_opts;

namespace flyball::probe {

class ProgramLoader {
public:
    using Programs = std::map<std::string, UniqueFd, std::less<>>;

    // Has to be there when the object is opened: libbpf looks for handlers then. facts: what programs attach to;
    // they must outlive the loader.
    // stop: where asked for, what is left is not loaded any more.
    explicit ProgramLoader(const kernel::Facts& facts, StopToken* stop = nullptr);
    ~ProgramLoader();
    ProgramLoader(const ProgramLoader&) = delete;
    ProgramLoader& operator=(const ProgramLoader&) = delete;

    // Loads what is set to be loaded. Fails where the object itself cannot be (maps, BTF); a refused program is in
    // refused().
    [[nodiscard]] Result<Programs> load(bpf_object_skeleton& skeleton);

    // Of the last load(), with the verifier's complaint.
    [[nodiscard]] const std::vector<Refusal>& refused() const { return refused_; }

private:
    static int register_handlers();
    static int take(bpf_program* program, bpf_prog_load_opts* options, long cookie);
    [[nodiscard]] std::vector<bpf_insn> with_calls(const bpf_program& program) const;
    void load_one(const bpf_program* program, const bpf_prog_load_opts& prepared);

    const kernel::Facts& facts_;
    StopToken* stop_;
    int registration_error_;
    ProgramLoader* previous_;
    Programs loaded_;
    std::vector<Refusal> refused_;
};

// Attaches a loaded program by its kind in kernel::programs(): a link, or errno. cgroup: a directory's, from which an
// iterator over cgroups goes down; 0: the root of cgroup v2.
[[nodiscard]] UniqueFd attach_program(const kernel::Program& program, int fd, int cgroup);

}  // namespace flyball::probe
