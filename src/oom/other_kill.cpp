// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/other_kill.hpp"

#include <algorithm>
#include <array>

namespace flyball::oom {
namespace {

struct Known {
    std::string_view comm;  // at most 15 bytes of it are kept
    SenderKind kind;
};

constexpr std::array kKnown{
    Known{"systemd-oomd", SenderKind::UserOomKiller},
    Known{"earlyoom", SenderKind::UserOomKiller},
    Known{"nohang", SenderKind::UserOomKiller},
    Known{"oomd", SenderKind::UserOomKiller},
    Known{"kubelet", SenderKind::ContainerRuntime},
    Known{"containerd", SenderKind::ContainerRuntime},
    Known{"containerd-shim", SenderKind::ContainerRuntime},
    Known{"runc", SenderKind::ContainerRuntime},
    Known{"crun", SenderKind::ContainerRuntime},
    Known{"youki", SenderKind::ContainerRuntime},
    Known{"conmon", SenderKind::ContainerRuntime},
    Known{"conmonrs", SenderKind::ContainerRuntime},
    Known{"crio", SenderKind::ContainerRuntime},
    Known{"dockerd", SenderKind::ContainerRuntime},
    Known{"podman", SenderKind::ContainerRuntime},
    Known{"systemd", SenderKind::ServiceManager},
};

}  // namespace

SenderKind sender_kind(const profile::OtherKill& kill)
{
    // What was running when the kernel sent a signal need not have to do with it.
    if (kill.sender_comm.empty() || kill.by == profile::OtherKill::By::Kernel)
        return SenderKind::Unknown;
    // runc names its parts: "runc:[2:INIT]".
    const std::string_view comm = std::string_view(kill.sender_comm).substr(0, kill.sender_comm.find(':'));
    const auto known = std::ranges::find(kKnown, comm, &Known::comm);
    return known == kKnown.end() ? SenderKind::Other : known->kind;
}

std::string_view name(SenderKind kind)
{
    switch (kind) {
    case SenderKind::UserOomKiller:
        return "user_oom_killer";
    case SenderKind::ContainerRuntime:
        return "container_runtime";
    case SenderKind::ServiceManager:
        return "service_manager";
    case SenderKind::Other:
        return "other";
    case SenderKind::Unknown:
        break;
    }
    return "unknown";
}

std::string_view words(SenderKind kind)
{
    switch (kind) {
    case SenderKind::UserOomKiller:
        return "an OOM killer of user space";
    case SenderKind::ContainerRuntime:
        return "a container runtime: an eviction, a stop or its time-out";
    case SenderKind::ServiceManager:
        return "the service manager";
    case SenderKind::Other:
    case SenderKind::Unknown:
        break;
    }
    return {};
}

}  // namespace flyball::oom
