// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/other_kill.hpp"
#include "support/catch.hpp"

using namespace flyball;
using namespace flyball::oom;
using profile::OtherKill;

TEST_CASE("other kills: the kind of sender goes by its name, and never where nobody sent it")
{
    const auto kind = [](OtherKill::By by, const char* comm) {
        OtherKill kill;
        kill.by = by;
        kill.sender_comm = comm;
        return sender_kind(kill);
    };
    CHECK(kind(OtherKill::By::Cgroup, "systemd-oomd") == SenderKind::UserOomKiller);
    CHECK(kind(OtherKill::By::User, "earlyoom") == SenderKind::UserOomKiller);
    CHECK(kind(OtherKill::By::User, "containerd-shim") == SenderKind::ContainerRuntime);
    CHECK(kind(OtherKill::By::User, "runc:[2:INIT]") == SenderKind::ContainerRuntime);
    CHECK(kind(OtherKill::By::User, "systemd") == SenderKind::ServiceManager);
    CHECK(kind(OtherKill::By::User, "bash") == SenderKind::Other);
    CHECK(kind(OtherKill::By::User, "") == SenderKind::Unknown);
    CHECK(kind(OtherKill::By::Kernel, "earlyoom") == SenderKind::Unknown);
}
