// SPDX-License-Identifier: Apache-2.0
#include "json_values.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <concepts>
#include <cstring>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace flyball::profile {
namespace {

using nlohmann::json;

// Leaves this file only as an Error.
struct BadValue : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- names may be any bytes, JSON strings may not ------------------------------------------------

bool is_utf8(const std::string& text)
{
    try {
        static_cast<void>(json(text).dump());
        return true;
    } catch (const json::exception&) {
        return false;
    }
}

json encode_text(const std::string& text)
{
    if (is_utf8(text))
        return text;
    std::string hex;
    for (const char c : text)
        fmt::format_to(std::back_inserter(hex), "{:02x}", static_cast<unsigned char>(c));
    return json{{"hex", hex}};
}

unsigned nibble(char c)
{
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a' + 10);
    throw BadValue("not a hexadecimal digit");
}

std::string decode_text(const json& value)
{
    if (value.is_string())
        return value.get<std::string>();
    if (!value.is_object() || !value.contains("hex") || !value["hex"].is_string())
        throw BadValue("not a text");
    const auto& hex = value["hex"].get_ref<const std::string&>();
    if (hex.size() % 2 != 0)
        throw BadValue("an odd number of hexadecimal digits");
    std::string text;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        text.push_back(static_cast<char>(nibble(hex[i]) << 4 | nibble(hex[i + 1])));
    }
    return text;
}

// ---- one list of fields serves both directions -------------------------------------------------------

template <class Archive>
void fields(Archive& a, Coverage& v)
{
    a("metric", v.metric), a("available", v.available), a("hook", v.hook), a("note", v.note), a("remedy", v.remedy);
}

template <class Archive>
void fields(Archive& a, KnownCgroup& v)
{
    a("hierarchy", v.hierarchy), a("id", v.id), a("path", v.path);
}

template <class Archive>
void fields(Archive& a, Meta& v)
{
    a("flyball_version", v.flyball_version), a("abi", v.abi);
    a("host", v.host), a("kernel", v.kernel), a("arch", v.arch), a("cpus", v.cpus);
    a("start_ns", v.start_ns), a("end_ns", v.end_ns), a("start_wall_ns", v.start_wall_ns), a("clock", v.clock);
    a("filters", v.filters), a("command", v.command), a("command_cgroup", v.command_cgroup),
        a("hierarchy", v.hierarchy);
    a("kernel_fields", v.kernel_fields), a("coverage", v.coverage), a("warnings", v.warnings);
}

template <class Archive>
void fields(Archive& a, MetaChunk& v)
{
    a("meta", v.meta), a("known", v.known);
}

template <class Archive>
void fields(Archive& a, FoldedEntry& v)
{
    a("cgroup_id", v.key.cgroup_id), a("metric", v.key.metric), a("bucket", v.key.bucket);
    a("count", v.value.count), a("sum", v.value.sum), a("min", v.value.min), a("max", v.value.max);
}

template <class Archive>
void fields(Archive& a, ProgramLoss& v)
{
    a("prog", v.prog), a("cpu", v.cpu), a("attempted", v.attempted), a("delivered", v.delivered);
    a("folded", v.folded), a("dropped", v.dropped), a("untracked", v.untracked);
}

template <class Archive>
void fields(Archive& a, KernelCounters& v)
{
    a("at_ns", v.at_ns), a("throttled_ns", v.throttled_ns), a("nr_periods", v.nr_periods);
    a("nr_throttled", v.nr_throttled), a("throttled_local_ns", v.throttled_local_ns), a("usage_ns", v.usage_ns);
    a("cpu_quota_ns", v.cpu_quota_ns), a("cpu_period_ns", v.cpu_period_ns);
    a("cpu_burst_ns", v.cpu_burst_ns);
    a("memory_events", v.memory_events), a("memory_events_local", v.memory_events_local);
    a("memory_peak_bytes", v.memory_peak_bytes), a("pids_peak", v.pids_peak);
    a("pids_max_events", v.pids_max_events), a("io_rbytes", v.io_rbytes), a("io_wbytes", v.io_wbytes);
    a("io_rios", v.io_rios), a("io_wios", v.io_wios), a("pressure_us", v.pressure_us);
}

template <class Archive>
void fields(Archive& a, CounterWindow& v)
{
    a("path", v.path), a("first", v.first), a("last", v.last), a("last_from_rmdir", v.last_from_rmdir);
}

template <class Archive>
void fields(Archive& a, fb_task_record& v)
{
    a("tid", v.tid), a("tgid", v.tgid), a("start_ns", v.start_ns), a("cpu_cgroup_id", v.cpu_cgroup_id);
    a("run_delay_ns", v.run_delay_ns), a("wait_ns", v.wait_ns), a("throttled_ns", v.throttled_ns);
    a("run_ns", v.run_ns), a("sum_exec_ns", v.sum_exec_ns);
    a("slept_delay_ns", v.slept_delay_ns), a("waits", v.waits), a("flags", v.flags);
    a("gaps", v.gaps), a("comm", v.comm);
}

template <class Archive>
void fields(Archive& a, Closing& v)
{
    a("end_ns", v.end_ns), a("folded", v.folded), a("programs", v.programs);
    a("recursion_misses", v.recursion_misses), a("counters", v.counters);
    a("tasks_first", v.tasks_first), a("tasks_last", v.tasks_last), a("warnings", v.warnings);
}

template <class Archive>
void fields(Archive& a, Stack& v)
{
    a("cgroup_id", v.cgroup_id), a("comm", v.comm), a("frames", v.frames), a("samples", v.samples);
}

template <class Archive>
void fields(Archive& a, Stacks& v)
{
    a("hz", v.hz), a("cpus", v.cpus), a("due", v.due), a("idle", v.idle), a("attempted", v.attempted);
    a("dropped", v.dropped), a("delivered", v.delivered), a("no_user_stack", v.no_user_stack);
    a("ended", v.ended), a("cut", v.cut), a("not_kept", v.not_kept);
    a("frames", v.frames), a("stacks", v.stacks), a("notes", v.notes);
}

class Writer {
public:
    template <class T>
    void operator()(const char* name, T& value)
    {
        object_[name] = encode(value);
    }

    template <class T>
    static json encode(T& value)
    {
        Writer writer;
        fields(writer, value);
        return std::move(writer.object_);
    }
    static json encode(std::string& value) { return encode_text(value); }
    static json encode(bool& value) { return value; }
    template <std::integral T>
    static json encode(T& value)
    {
        return value;
    }
    static json encode(char (&value)[FB_COMM_MAX])
    {
        return encode_text(std::string(value, strnlen(value, sizeof value)));
    }
    template <class T>
    static json encode(std::optional<T>& value)
    {
        return value ? encode(*value) : json(nullptr);
    }
    template <class T>
    static json encode(std::vector<T>& values)
    {
        json array = json::array();
        for (T& value : values)
            array.push_back(encode(value));
        return array;
    }
    // As pairs: a key may be no valid JSON string.
    template <class T>
    static json encode(std::map<std::string, T>& values)
    {
        json array = json::array();
        for (auto& [key, value] : values)
            array.push_back(json::array({encode_text(key), encode(value)}));
        return array;
    }

private:
    json object_ = json::object();
};

class Reader {
public:
    explicit Reader(const json& object) : object_(object)
    {
        if (!object.is_object())
            throw BadValue("not an object");
    }

    template <class T>
    void operator()(const char* name, T& value)
    {
        const auto found = object_.find(name);
        if (found == object_.end())
            return;
        try {
            decode(*found, value);
        } catch (const BadValue& bad) {
            throw BadValue(fmt::format("{}: {}", name, bad.what()));
        }
    }

    template <class T>
    static void decode(const json& from, T& value)
    {
        Reader reader(from);
        fields(reader, value);
    }
    static void decode(const json& from, std::string& value) { value = decode_text(from); }
    static void decode(const json& from, bool& value)
    {
        if (!from.is_boolean())
            throw BadValue("not true or false");
        value = from.get<bool>();
    }
    // Only whole numbers in range: a conversion would change them without a word.
    template <std::integral T>
    static void decode(const json& from, T& value)
    {
        if (from.is_number_unsigned() && std::in_range<T>(from.get<std::uint64_t>())) {
            value = static_cast<T>(from.get<std::uint64_t>());
        } else if (from.is_number_integer() && !from.is_number_unsigned() &&
                   std::in_range<T>(from.get<std::int64_t>())) {
            value = static_cast<T>(from.get<std::int64_t>());
        } else {
            throw BadValue("not a whole number in range");
        }
    }
    static void decode(const json& from, char (&value)[FB_COMM_MAX])
    {
        const std::string text = decode_text(from);
        if (text.size() > sizeof value)
            throw BadValue("too long");
        std::memcpy(value, text.data(), text.size());
    }
    template <class T>
    static void decode(const json& from, std::optional<T>& value)
    {
        if (from.is_null()) {
            value.reset();
        } else {
            decode(from, value.emplace());
        }
    }
    template <class T>
    static void decode(const json& from, std::vector<T>& values)
    {
        if (!from.is_array())
            throw BadValue("not a list");
        for (const json& element : from)
            decode(element, values.emplace_back());
    }
    template <class T>
    static void decode(const json& from, std::map<std::string, T>& values)
    {
        if (!from.is_array())
            throw BadValue("not a list of pairs");
        for (const json& pair : from) {
            if (!pair.is_array() || pair.size() != 2)
                throw BadValue("not a pair");
            decode(pair[1], values[decode_text(pair[0])]);
        }
    }

private:
    const json& object_;
};

template <class T>
std::string write_text(const T& value)
{
    // The list of fields serves reading too and thus wants to write; the Writer does not.
    return Writer::encode(const_cast<T&>(value)).dump();
}

template <class T>
Result<T> read_text(std::string_view text)
{
    try {
        T value{};
        Reader::decode(json::parse(text), value);
        return value;
    } catch (const std::exception& bad) {  // json::exception, BadValue, bad_alloc
        return fail(ErrorKind::Usage, bad.what());
    }
}

}  // namespace

std::string to_json(const MetaChunk& meta)
{
    return write_text(meta);
}
std::string to_json(const Closing& closing)
{
    return write_text(closing);
}

std::string to_json(const Stacks& stacks)
{
    return write_text(stacks);
}

Result<MetaChunk> meta_from_json(std::string_view text)
{
    return read_text<MetaChunk>(text);
}
Result<Closing> closing_from_json(std::string_view text)
{
    return read_text<Closing>(text);
}

Result<Stacks> stacks_from_json(std::string_view text)
{
    auto stacks = read_text<Stacks>(text);
    if (!stacks)
        return stacks;
    for (const Stack& stack : stacks->stacks) {
        for (const std::uint32_t frame : stack.frames) {
            if (frame >= stacks->frames.size())
                return fail(ErrorKind::Usage, fmt::format("stacks: frames: there is no frame {}", frame));
        }
    }
    return stacks;
}

}  // namespace flyball::profile
