// SPDX-License-Identifier: Apache-2.0
#include "flyball/compare/load.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/compare/table.hpp"
#include "flyball/profile/recording.hpp"
#include "slices.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace flyball::compare {
namespace {

constexpr std::string_view kMagic = "FLYBALL";
constexpr std::string_view kForms = "give recordings, `flyball report -j`, CSV, or JSON objects of numbers, one a line";

// A file that cannot be read is a wrong request here, whatever the reason.
std::unexpected<Error> unreadable(Error error)
{
    error.kind = ErrorKind::Usage;
    return std::unexpected(std::move(error));
}

Result<bool> is_recording(const std::string& path)
{
    auto fd = open_fd(path, O_RDONLY);
    if (!fd)
        return unreadable(std::move(fd).error());
    std::array<char, kMagic.size()> begin{};
    const ssize_t got = ::read(fd->get(), begin.data(), begin.size());
    return got == static_cast<ssize_t>(begin.size()) && std::string_view(begin.data(), begin.size()) == kMagic;
}

Result<std::vector<Run>> runs_of_table(std::string_view text, const std::string& source, const LoadOptions& options)
{
    const auto table = parse_table(text);
    if (!table)
        return std::unexpected(table.error());
    std::vector<Run> runs;
    for (const Table::Row& row : table->rows) {
        Run run{.source = fmt::format("{}, line {}", source, row.line)};
        for (std::size_t i = 0; i < row.fields.size(); ++i) {
            const std::string& name = table->header[i];
            if (options.column && !options.column(name))
                continue;
            const auto number = parse_number(row.fields[i]);
            if (!number)
                return fail(ErrorKind::Usage, fmt::format("line {}: {} {}", row.line, name, number.error()),
                            "--metric chooses columns; the others need not be numbers");
            run.values[{"", name}] = {*number, Unit::Number, guess_good(name), true};
        }
        runs.push_back(std::move(run));
    }
    return runs;
}

// Is each line that is not empty an object of its own?
bool is_one_object_a_line(std::string_view text)
{
    std::size_t lines = 0;
    bool objects = true;
    for_each_line(text, [&](std::string_view line) {
        line = trim(line);
        if (line.empty())
            return;
        ++lines;
        objects = objects && line.starts_with('{') && line.ends_with('}');
    });
    return objects && lines > 0;
}

Result<std::vector<Run>> runs_of_lines(std::string_view text, const std::string& source)
{
    std::vector<Run> runs;
    std::size_t number = 0;
    std::optional<Error> error;
    for_each_line(text, [&](std::string_view line) {
        ++number;
        if (error || trim(line).empty())
            return;
        auto more = runs_of_json(line, fmt::format("{}, line {}", source, number));
        if (!more)
            error = std::move(more).error().context(fmt::format("line {}", number));
        else
            std::ranges::move(*more, std::back_inserter(runs));
    });
    if (error)
        return std::unexpected(std::move(*error));
    return runs;
}

void keep_cgroups(Run& run, const std::vector<std::string>& patterns)
{
    const auto unwanted = [&](const auto& item) {
        return !item.first.cgroup.empty() && !profile::filter_selects(patterns, item.first.cgroup);
    };
    std::erase_if(run.values, unwanted);
    std::erase_if(run.distributions, unwanted);
}

// Events and kills over the whole run: what is left when a slice is left out stands for less time.
void stretch_counts(Run& run, double factor)
{
    for (auto& [key, value] : run.values) {
        if (value.unit == Unit::Count)
            value.value *= factor;
    }
}

Result<> add_slices(Side& side, const std::string& path, const profile::Snapshot& whole,
                    const profile::ReplayOptions& options)
{
    const std::uint64_t start = whole.meta.start_ns, end = whole.meta.end_ns;
    const std::size_t count = end > start ? slices_of(end - start) : 0;
    if (count == 0)
        return {};
    auto slices = sliced(path, options, start, end, count);
    if (!slices)
        return unreadable(std::move(slices).error());
    for (std::size_t i = 0; i < count; ++i) {
        side.slices.push_back(run_of((*slices)[i], ""));
        side.without_slice.push_back(run_of(merged_without(*slices, i), ""));
        stretch_counts(side.without_slice.back(), static_cast<double>(count) / static_cast<double>(count - 1));
    }
    return {};
}

Result<> add_recording(Side& side, const std::string& path, const LoadOptions& options, bool alone)
{
    const profile::ReplayOptions how{.salvage = options.salvage, .filters = options.cgroups};
    auto snapshot = profile::replay(path, how);
    if (!snapshot)
        return unreadable(std::move(snapshot).error());
    side.runs.push_back(run_of(*snapshot, path));
    return alone && options.slices ? add_slices(side, path, *snapshot, how) : Result<>{};
}

Result<> add_file(Side& side, const std::string& path, const LoadOptions& options, bool alone)
{
    const auto recording = is_recording(path);
    if (!recording)
        return std::unexpected(recording.error());
    if (*recording)
        return add_recording(side, path, options, alone);
    auto text = read_file(path);
    if (!text)
        return unreadable(std::move(text).error());
    auto runs = runs_of_text(*text, path, options);
    if (!runs)
        return std::unexpected(std::move(runs).error().context(path));
    std::ranges::move(*runs, std::back_inserter(side.runs));
    return {};
}

Result<std::vector<std::string>> files_of(const std::string& path)
{
    namespace fs = std::filesystem;
    std::error_code error;
    if (!fs::is_directory(path, error))
        return std::vector{path};
    std::vector<std::string> files;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
        if (entry->is_regular_file(error) && !entry->path().filename().string().starts_with('.'))
            files.push_back(entry->path().string());
    }
    if (error)
        return fail(ErrorKind::Usage, fmt::format("{}: {}", path, error.message()));
    if (files.empty())
        return fail(ErrorKind::Usage, fmt::format("{}: there is no file in this directory", path), std::string(kForms));
    std::ranges::sort(files);
    return files;
}

}  // namespace

Result<std::vector<Run>> runs_of_text(std::string_view text, const std::string& source, const LoadOptions& options)
{
    const std::string_view begin = trim(text);
    if (begin.empty())
        return fail(ErrorKind::Usage, "is empty", std::string(kForms));
    if (begin.starts_with('{') && is_one_object_a_line(text))
        return runs_of_lines(text, source);
    if (begin.starts_with('{') || begin.starts_with('['))
        return runs_of_json(text, source);
    auto runs = runs_of_table(text, source, options);
    if (!runs && runs.error().hint.empty())
        runs.error().hint = kForms;
    return runs;
}

Result<Side> load_side(std::string name, std::span<const std::string> paths, const LoadOptions& options)
{
    Side side{.name = std::move(name)};
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        auto more = files_of(path);
        if (!more)
            return std::unexpected(std::move(more).error());
        std::ranges::move(*more, std::back_inserter(files));
    }
    for (const std::string& file : files) {
        if (auto added = add_file(side, file, options, files.size() == 1); !added)
            return std::unexpected(std::move(added).error());
    }
    for (std::vector<Run>* runs : {&side.runs, &side.without_slice, &side.slices}) {
        for (Run& run : *runs) {
            keep_cgroups(run, options.cgroups);
            rename_cgroups(run, options.rename);
        }
    }
    return side;
}

}  // namespace flyball::compare
