// SPDX-License-Identifier: Apache-2.0
// Reads the rings and hands their records to a Sink.
//
// Single-threaded: one thread calls everything. Nothing here allocates per event.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/stream/sink.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace flyball::stream {

// What the reader needs of a loaded BPF object; all descriptors stay the owner's.
struct Source {
    std::vector<int> ring_fds;  // one a CPU, by CPU number
    int control_fd = -1;
    int batches_fd = -1;     // the mmapable array of batches, one a CPU
    int flush_prog_fd = -1;  // raw_tp program that flushes the batch of the CPU it runs on
};

class Reader {
public:
    static Result<Reader> open(const Source& source);
    ~Reader();
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;

    // Readable when a ring asks for attention (more than its wake-up level, or a control record).
    [[nodiscard]] int poll_fd() const;

    // Hands over everything that the rings hold now; after a flush, ends with Sink::on_round().
    Result<> consume(Sink& sink);

    // Has batches flushed whose first event is older than max_age_ns; call consume() after it.
    // Partial batches thus reach the sink within max_age_ns plus the caller's tick.
    void flush_older_than(std::uint64_t max_age_ns);

    // After the programs are detached: flushes and consumes until nothing is left.
    // False when a batch could not be flushed (it then counts as lost).
    Result<bool> drain(Sink& sink);

    // Records whose framing was wrong: always a bug, reported as loss.
    [[nodiscard]] std::uint64_t malformed() const;

private:
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::stream
