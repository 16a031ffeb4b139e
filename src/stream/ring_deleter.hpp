// SPDX-License-Identifier: Apache-2.0
// libbpf's rings, owned.
#pragma once

#include <bpf/libbpf.h>

namespace flyball::stream {

struct RingDeleter {
    void operator()(ring_buffer* rings) const { ring_buffer__free(rings); }
};

}  // namespace flyball::stream
