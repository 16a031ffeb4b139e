// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/places.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/symbol/demangle.hpp"
#include "flyball/symbol/text_symbols.hpp"
#include "vdso.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace flyball::symbol {

namespace {

// Enough for any machine's working set; all are forgotten at once when there are more, and read again.
constexpr std::size_t kMostProcesses = 4096;
constexpr std::size_t kMostModules = 16384;
// Beside the rings and clocks of every CPU, below the usual limit of 1024. What comes then is read at once.
constexpr std::size_t kMostOpenFiles = 256;
// A library that was loaded meanwhile is seen by the innermost address; a nonsensical outer one must not have
// the maps read with every sample.
constexpr std::uint64_t kRereadInnermostNs = 50'000'000;
constexpr std::uint64_t kRereadOuterNs = 2'000'000'000;
constexpr std::uint64_t kPerfMapNs = 200'000'000;
constexpr std::size_t kMostPerfMapBytes = 64U << 20;
constexpr std::uint32_t kNotYet = ~0U;

std::string_view base_name(std::string_view path)
{
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// As the loader sees it: a file that was replaced is called by what it was.
std::string label_of(const Mapping& mapping)
{
    constexpr std::string_view kDeleted = " (deleted)";
    std::string_view path = mapping.path;
    if (path.ends_with(kDeleted))
        path.remove_suffix(kDeleted.size());
    if (path.empty())
        return "anon";
    if (path.starts_with('['))
        return std::string(path.substr(1, path.size() - (path.ends_with(']') ? 2 : 1)));
    return std::string(base_name(path));
}

// Only regular files, seen before they are opened: opening a device or a pipe of someone's may do anything.
UniqueFd open_regular(const std::string& path, int flags, std::uint64_t inode)
{
    struct stat what{};
    if (::stat(path.c_str(), &what) != 0 || !S_ISREG(what.st_mode))
        return {};
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags));
    if (!file.valid() || ::fstat(file.get(), &what) != 0 || !S_ISREG(what.st_mode) ||
        (inode != 0 && what.st_ino != inode))
        return {};
    return file;
}

std::string read_all(int fd, std::size_t most)
{
    std::string text;
    char piece[65536];
    while (text.size() < most) {
        const ssize_t n = ::pread(fd, piece, sizeof piece, static_cast<off_t>(text.size()));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        text.append(piece, static_cast<std::size_t>(n));
    }
    return text;
}

}  // namespace

Places::Places(std::string proc, std::string gone) : proc_(std::move(proc))
{
    add({.label = "unmapped"});
    add({.label = std::move(gone)});
}
Places::~Places() = default;
Places::Places(Places&&) noexcept = default;
Places& Places::operator=(Places&&) noexcept = default;

std::uint32_t Places::add(Module module)
{
    modules_.push_back(std::move(module));
    return static_cast<std::uint32_t>(modules_.size() - 1);
}

Places::Process& Places::process(const ProcessKey& key, std::uint64_t now_ns)
{
    const auto found = processes_.find(key);
    if (found != processes_.end())
        return found->second;
    if (processes_.size() >= kMostProcesses)
        processes_.clear();
    Process& made = processes_[key];
    read_maps(key, made, now_ns);
    return made;
}

void Places::read_maps(const ProcessKey& key, Process& process, std::uint64_t now_ns)
{
    process.read_ns = now_ns;
    // Empty as well as gone: a zombie has no memory.
    const auto text = read_file(fmt::format("{}/{}/maps", proc_, key.tgid));
    if (!text || text->empty())
        return;
    process.known = true;
    process.mappings = executable_mappings(*text);
    process.modules.assign(process.mappings.size(), kNotYet);
}

Place Places::place(const ProcessKey& key, std::uint64_t address, bool innermost, std::uint64_t now_ns)
{
    Process& from = process(key, now_ns);
    const Mapping* mapping = find_mapping(from.mappings, address);
    if (mapping == nullptr && now_ns - from.read_ns >= (innermost ? kRereadInnermostNs : kRereadOuterNs)) {
        read_maps(key, from, now_ns);
        mapping = find_mapping(from.mappings, address);
    }
    if (mapping == nullptr)
        return {.module = from.known ? kUnmapped : kGone, .offset_bytes = 0};
    std::uint32_t& module = from.modules[static_cast<std::size_t>(mapping - from.mappings.data())];
    if (module == kNotYet)
        module = module_of(key, from, *mapping);
    Module& in = modules_[module];
    if (in.kind == Module::Kind::Jit) {
        // Compilers begin their map when they begin to compile.
        if (!in.file.valid() && now_ns >= in.next_try_ns && open_files_ < kMostOpenFiles) {
            in.next_try_ns = now_ns + kPerfMapNs;
            in.file = open_perf_map(in.tgid);
            open_files_ += in.file.valid();
        }
        return {.module = module, .offset_bytes = address};
    }
    return {.module = module, .offset_bytes = address - mapping->begin + mapping->offset_bytes};
}

std::uint32_t Places::module_of(const ProcessKey& key, Process& process, const Mapping& mapping)
{
    if (modules_.size() >= kMostModules) {
        ++files_left_out_;
        return kUnmapped;
    }
    const bool file = mapping.inode != 0 && mapping.path.starts_with('/') && !mapping.path.starts_with("/memfd:");
    if (file)
        return file_module(key, mapping);
    if (mapping.path == "[vdso]" || mapping.path == "[vsyscall]" || mapping.path == "[uprobes]") {
        const auto [found, made] = files_.try_emplace({"", 0, mapping.path}, 0);
        if (made) {
            found->second = add({.kind = mapping.path == "[vdso]" ? Module::Kind::Vdso : Module::Kind::Bare,
                                 .label = label_of(mapping)});
        }
        return found->second;
    }
    return jit_module(key, process);
}

std::uint32_t Places::file_module(const ProcessKey& key, const Mapping& mapping)
{
    const auto [found, made] = files_.try_emplace({mapping.device, mapping.inode, mapping.path}, 0);
    if (!made)
        return found->second;
    Module module{.kind = Module::Kind::File, .label = label_of(mapping)};
    module.file = open_file(key, mapping);
    if (module.file.valid() && ++open_files_ > kMostOpenFiles)
        read(module);
    return found->second = add(std::move(module));
}

// The file itself, also when it is deleted or replaced: the kernel's link to it (needs CAP_SYS_ADMIN or
// CAP_CHECKPOINT_RESTORE). Else by its name, as the process sees it, if it is still that file.
UniqueFd Places::open_file(const ProcessKey& key, const Mapping& mapping) const
{
    const std::string of_process = fmt::format("{}/{}", proc_, key.tgid);
    UniqueFd file = open_regular(fmt::format("{}/map_files/{:x}-{:x}", of_process, mapping.begin, mapping.end), 0, 0);
    if (file.valid())
        return file;
    return open_regular(of_process + "/root" + mapping.path, 0, mapping.inode);
}

std::uint32_t Places::jit_module(const ProcessKey& key, Process& process)
{
    if (process.jit == 0)
        process.jit = add({.kind = Module::Kind::Jit, .label = "anon", .tgid = key.tgid});
    return process.jit;
}

// Named by the PID that the process has in its own namespace. Others may write to /tmp too: only what the
// process's own user, or root, has written is believed.
UniqueFd Places::open_perf_map(std::uint32_t tgid) const
{
    const std::string of_process = fmt::format("{}/{}", proc_, tgid);
    const auto status = read_file(of_process + "/status");
    if (!status)
        return {};
    std::string_view pid, uid;
    for_each_line(*status, [&](std::string_view line) {
        const auto words = split_blanks(line);
        if (words.size() >= 2 && words[0] == "NSpid:")
            pid = words.back();
        if (words.size() >= 3 && words[0] == "Uid:")
            uid = words[2];
    });
    const auto number = parse_u64(pid), owner = parse_u64(uid);
    if (!number || !owner)
        return {};
    UniqueFd file = open_regular(fmt::format("{}/root/tmp/perf-{}.map", of_process, *number), O_NOFOLLOW, 0);
    struct stat what{};
    if (!file.valid() || ::fstat(file.get(), &what) != 0 || (what.st_uid != 0 && what.st_uid != *owner))
        return {};
    return file;
}

void Places::read(Module& module)
{
    if (module.read)
        return;
    module.read = true;
    if (module.kind == Module::Kind::Vdso)
        module.elf = vdso_symbols();
    if (module.kind == Module::Kind::Jit && !module.file.valid()) {
        module.file = open_perf_map(module.tgid);
        open_files_ += module.file.valid();
    }
    if (!module.file.valid())
        return;
    if (module.kind == Module::Kind::Jit) {
        module.jit = perf_map_symbols(read_all(module.file.get(), kMostPerfMapBytes));
    } else {
        if (auto symbols = ElfSymbols::read(module.file.get()))
            module.elf = std::move(*symbols);
    }
    module.file.reset();
    --open_files_;
}

std::string Places::name(const Place& place, bool innermost)
{
    if (place.module >= modules_.size())
        return "[unmapped]";
    Module& module = modules_[place.module];
    if (place.module == kUnmapped || place.module == kGone)
        return '[' + module.label + ']';
    read(module);
    // A call that does not return is the last of its function: what follows it is the next one.
    const std::uint64_t at = innermost || place.offset_bytes == 0 ? place.offset_bytes : place.offset_bytes - 1;
    std::optional<std::string_view> found;
    if (module.elf)
        found = module.elf->find(at);
    else if (module.jit)
        found = module.jit->find(at);
    return found ? demangle(*found) : fmt::format("[{}+0x{:x}]", module.label, place.offset_bytes);
}

}  // namespace flyball::symbol
