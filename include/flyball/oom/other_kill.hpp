// SPDX-License-Identifier: Apache-2.0
// Who sends SIGKILL besides the kernel's OOM killer: what kind of program, by its name. A name is no proof, and is
// shown beside it.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <string_view>

namespace flyball::oom {

enum class SenderKind {
    UserOomKiller,     // systemd-oomd, earlyoom, nohang, oomd
    ContainerRuntime,  // containerd-shim, runc, crun, conmon, ...: an eviction by the kubelet, a stop, a time-out
    ServiceManager,    // systemd
    Other,
    Unknown,  // not recorded
};

[[nodiscard]] SenderKind sender_kind(const profile::OtherKill& kill);
[[nodiscard]] std::string_view name(SenderKind kind);   // "user_oom_killer", ...
[[nodiscard]] std::string_view words(SenderKind kind);  // "an OOM killer of user space"; empty: nothing to say

}  // namespace flyball::oom
