// SPDX-License-Identifier: Apache-2.0
// The recording file: versioned, self-describing, append-only, readable up to where it was cut.
//
// Layout, little-endian: magic "FLYBALL\0", u32 format version, u32 abi version; then chunks of
// {u32 type, u32 flags, u64 stored length, u64 plain length, u32 crc32 of the stored bytes, u32 crc32 of this header}
// and their bytes (flag 1: deflated, 4: zstd). META and CLOSING are JSON, EVENTS are raw wire records.
// The END chunk says the file is whole. docs/recording.md has it in full.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/patient_write.hpp"
#include "flyball/base/result.hpp"
#include "flyball/profile/accumulator.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace flyball::profile {

// 2 has EVENTS by zstd. What 1 has is read as well.
inline constexpr std::uint32_t kRecordingFormat = 2;

// Where a recording will go, opened before there is anything to record, so that a path that cannot
// be written is known before work begins. What is in the file stays until the writer takes it over;
// if none does, a file that open() made is removed.
class RecordingFile {
public:
    // Usage, with a hint, when the path cannot be written. Interrupted: the stop was asked for while it waited for a
    // reader. "-" is standard output.
    [[nodiscard]] static Result<RecordingFile> open(const std::string& path, const Patience& patience = {});
    ~RecordingFile();
    RecordingFile(RecordingFile&& other) noexcept = default;
    RecordingFile& operator=(RecordingFile&&) = delete;

private:
    friend class RecordingWriter;
    RecordingFile() = default;
    std::string path_;
    UniqueFd file_;  // not valid: standard output
    bool made_ = false;
};

// Writes while the run goes on. A write error (disk full) is remembered, later events are not
// lost for the report: the caller still has its accumulator, and close() gives the error.
class RecordingWriter final : public stream::Sink {
public:
    // Replaces what the file holds.
    static Result<RecordingWriter> create(RecordingFile file, const Meta& meta, std::span<const KnownCgroup> known,
                                          const Patience& patience = {});
    // The same in one step.
    static Result<RecordingWriter> create(const std::string& path, const Meta& meta,
                                          std::span<const KnownCgroup> known);
    ~RecordingWriter() override;
    RecordingWriter(RecordingWriter&&) noexcept;
    RecordingWriter& operator=(RecordingWriter&&) noexcept;

    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;
    void on_round(std::uint64_t until_ns) override;

    // Hands what is buffered to the kernel: a crash loses at most what came after it.
    Result<> flush();

    // Writes the closing data and the end mark, and syncs.
    Result<> close(const Closing& closing);

    [[nodiscard]] std::uint64_t bytes_written() const;

private:
    struct State;
    explicit RecordingWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Sees a run from its beginning to its end, live or replayed: what an analysis hangs on to.
class Observer : public stream::Sink {
public:
    virtual void on_begin(const Meta& meta, std::span<const KnownCgroup> known) = 0;
    // The tasks that live at the beginning, where they are known by then: a file has them at its end.
    virtual void on_tasks(std::span<const fb_task_record> /*tasks*/) {}
    virtual void on_closing(const Closing& closing) = 0;  // not for a file that was cut
};

struct ReplayOptions {
    bool salvage = false;              // read a cut file up to the last good chunk instead of refusing it
    std::vector<std::string> filters;  // replaces the recording's own when not empty
    Observer* observer = nullptr;      // gets everything as well
};

// Replays a recording into a Snapshot: the same file gives the same Snapshot. A file that is
// foreign, newer, truncated or corrupt is an error that names the offset.
[[nodiscard]] Result<Snapshot> replay(const std::string& path, const ReplayOptions& options = {});

// The same over bytes in memory (fuzzing, tests).
[[nodiscard]] Result<Snapshot> replay(std::span<const std::byte> bytes, const ReplayOptions& options = {});

// Sends the records of a recording to any sink, in file order.
[[nodiscard]] Result<> replay_into(std::span<const std::byte> bytes, stream::Sink& sink);

}  // namespace flyball::profile
