// SPDX-License-Identifier: Apache-2.0
// What is wrong in a specification is told with its line, its field and a remedy.
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

using namespace flyball::calibrate;
using namespace flyball::test;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kMark = "\"@@MARK@@\"";

std::string field_name(const std::string& path, const std::string& key)
{
    const bool plain = key.find_first_of(".[]\" ") == std::string::npos;
    const std::string part = plain ? key : "\"" + key + "\"";
    return path.empty() ? part : path + "." + part;
}

// The line of the mark, found without the parser under test.
std::size_t line_of_mark(const std::string& text)
{
    return 1 + static_cast<std::size_t>(
                   std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find(kMark)), '\n'));
}

bool told_at(const std::vector<Problem>& problems, std::size_t line, const std::string& field)
{
    return std::ranges::any_of(problems, [&](const Problem& p) {
        return p.place.line == line && p.field == field && !p.what.empty() && !p.remedy.empty();
    });
}

class Mutations {
public:
    explicit Mutations(Json document) : document_(std::move(document)) {}

    // Everything below this place, in the field names of messages.
    void each(const Json::json_pointer& at, const std::string& path)
    {
        const Json value = document_.at(at);
        if (value.is_object()) {
            for (const auto& [key, inner] : value.items()) {
                if (foreign(key))
                    continue;
                const auto place = at / key;
                const std::string field = field_name(path, key);
                wrong_type(place, field, inner);
                twice(at, key, field);
                if (!free_names(path))
                    misspelt(at, key, path);
                each(place, field);
            }
        } else if (value.is_array()) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                const std::string field = path + "[" + std::to_string(i) + "]";
                wrong_type(at / i, field, value[i]);
                each(at / i, field);
            }
        }
    }
    std::size_t tried = 0;

private:
    static bool foreign(const std::string& key) { return key == "owner" || key == "x-note"; }
    // Where any name is right.
    static bool free_names(const std::string& path)
    {
        for (const char* end : {"parameters", "environment", "metrics", "profiles"})
            if (path.ends_with(end))
                return true;
        return false;
    }

    void expect(const std::string& text, std::size_t line, const std::string& field)
    {
        ++tried;
        const auto spec = parse_spec(text);
        INFO(field << ", line " << line);
        REQUIRE_FALSE(spec);
        INFO(told(spec.error()));
        CHECK(spec.error().size() <= kMostProblems);
        CHECK(told_at(spec.error(), line, field));
    }

    // A list in a list is right nowhere.
    void wrong_type(const Json::json_pointer& at, const std::string& field, const Json&)
    {
        Json broken = document_;
        broken[at] = "@@MARK@@";
        std::string text = broken.dump(2);
        const std::size_t line = line_of_mark(text);
        // A command may be a list of words, so that one of its words is told.
        const bool command = std::ranges::any_of(std::array{".command", ".start", ".restart", ".health"},
                                                 [&](const char* end) { return field.ends_with(end); });
        const bool list = document_.at(at).is_array() && !command;
        text = replaced(text, kMark, list || command ? "[[]]" : "[]");
        expect(text, line, list || command ? field + "[0]" : field);
    }

    void twice(const Json::json_pointer& object, const std::string& key, const std::string& field)
    {
        Json broken = document_;
        broken[object]["@@MARK@@"] = document_.at(object / key);
        std::string text = broken.dump(2);
        const std::size_t line = line_of_mark(text);
        expect(replaced(text, kMark, "\"" + key + "\""), line, field);
    }

    void misspelt(const Json::json_pointer& object, const std::string& key, const std::string& path)
    {
        Json broken = document_;
        const Json value = broken[object][key];
        broken[object]["@@MARK@@"] = value;
        std::string text = broken.dump(2);
        const std::size_t line = line_of_mark(text);
        const std::string wrong = key + "q";
        const std::string field = field_name(path, wrong);
        text = replaced(text, kMark, "\"" + wrong + "\"");
        ++tried;
        const auto spec = parse_spec(text);
        INFO(field << ", line " << line);
        REQUIRE_FALSE(spec);
        const auto found = std::ranges::find(spec.error(), field, &Problem::field);
        REQUIRE(found != spec.error().end());
        CHECK(found->place.line == line);
        CHECK_THAT(found->remedy, ContainsSubstring(key));
    }

    Json document_;
};

}  // namespace

TEST_CASE("specification: every field broken in turn is told by line and field")
{
    Mutations mutations(Json::parse(full_spec(), nullptr, true, true));
    mutations.each(Json::json_pointer(), "");
    CHECK(mutations.tried > 300);
}

TEST_CASE("specification: values that are out of range or fit nothing")
{
    struct Row {
        const char* what;
        const char* with;
        const char* told;
    };
    const Row rows[] = {
        {R"("version": 1)", R"("version": 2)", "version: 2 is not known"},
        {R"("name": "everything")", R"("name": "a/b")", "name: 'a/b' is no name"},
        {R"("iterations": 4)", R"("iterations": 0)",
         "iterations: 0 is out of range (give a whole number from 1 to 1000)"},
        {R"("iterations": 4)", R"("iterations": 1.5)", "iterations: 1.5 is out of range"},
        {R"("duration": "60s")", R"("duration": "5 parsecs")", "'5 parsecs' is not a duration"},
        {R"("duration": "60s")", R"("duration": -5)", "duration: -5 is out of range"},
        {R"("step_down": "15%")", R"("step_down": "150%")", "tuning.step_down: '150%' is not a share"},
        {R"("convergence": "4%")", R"("convergence": "40%")", "no step would change anything"},
        {R"("tune": ["memory", "cpu"])", R"("tune": ["memery", "cpu"])",
         "tune[0]: 'memery' is none of memory, cpu, pids, io (did you mean 'memory'?)"},
        {R"("tool": "loadgen")", R"("Tool": "loadgen")", "parameters.Tool: is no name for a placeholder"},
        {R"("tool": "loadgen")", R"("duration": "loadgen")",
         "parameters.duration: is a name that flyball gives a value to"},
        {R"("components": ["served", "living"])", R"("components": ["servd"])",
         "profiles.quick.components[0]: there is no 'servd' among the components (did you mean 'served'?)"},
        {R"("components": ["served", "living"], "scenarios": ["normal")", R"("components": [], "scenarios": ["norml")",
         "there is no 'norml' among the scenarios (did you mean 'normal'?)"},
        {R"("memory.max": "512M")", R"("memory.max": "lots")", R"(resource_limits."memory.max": 'lots' is not a size)"},
        {R"("memory.max": "512M")", R"("memory.max": 1)", "outside the bounds"},
        {R"("memory.max": "512M")", R"("memory.mx": "512M")",
         "is no limit that flyball knows (did you mean 'memory.max'?)"},
        {R"("memory.high": 402653184)", R"("memory.high": "600M")",
         "629145600 is above memory.max of 536870912 and would never act (give one below memory.max)"},
        {R"("cpu.max": 200000)", R"("cpu.max": 200000, "cpu.max.burst": 300000)", "is above the quota of 200000 us"},
        {R"("cpu.max": 200000)", R"("cpu.max": "20ms/5s")", "outside the kernel's bounds"},
        {R"("pids.max": "64")", R"("pids.max": "-4")", "is not a number of tasks"},
        {R"("io.weight": "default 100")", R"("io.weight": 0)", "give a weight from 1 to 10000"},
        {R"("memory.oom.group": 0)", R"("memory.oom.group": 1)", "is 1 though the component is critical"},
        {R"("min": "64M", "max": "1G")", R"("min": "2G", "max": "1G")", "min is above max"},
        {R"("min": "64M", "max": "1G")", R"("min": "600M", "max": "1G")", "the baseline, 536870912, is outside"},
        {R"("namespace_ms": "ms", )", R"("namespace_ms": "parsecs", )", "'parsecs' is none of ns"},
        {R"("namespace_ms": "ms", )", R"("latency": "ms", )", "is the name of a metric that flyball measures"},
        {R"("performance": "namespace_ms")", R"("performance": "namespac_ms")",
         "nothing provides a metric 'namespac_ms' (did you mean 'namespace_ms'?)"},
        {R"x("rate:throughput: ([0-9.]+)")x", R"("throughput")", "is not KIND:REGEX"},
        {R"("neighbours": ["living"])", R"("neighbours": ["served"])", "names the component itself"},
        {R"("neighbours": ["living"])", R"("neighbours": ["livin"])",
         "there is no component 'livin' (did you mean 'living'?)"},
        {R"("start": ["server", "--port", "{port}"])", R"("start": "server", "cgroup": "a")",
         "starts a second service"},
        {R"("start": ["server", "--port", "{port}"])", R"("start": "server {prt}")",
         "{prt} has no value (add \"prt\" to parameters, or write {{prt}} where it is meant as it is; did you mean "
         "'port'?)"},
        {R"("--rate", "{rate}")", R"("--rate", "{rte}")", "components[0].scenarios[0].command: {rte} has no value"},
        {R"("WORKERS": "{workers}")", R"("WORKERS": "{wrkers}")", "{wrkers} has no value"},
        {R"("load_parameters": ["rate"])", R"("load_parameters": ["tool"])",
         "load_parameters[0]: 'tool' is no parameter that is a number"},
        {R"("load_parameters": ["rate"])", R"("load_parameters": [])", "load: multiplies nothing"},
        {R"("load": "5x")", R"("load": "5")", "is not a multiple of the normal load"},
        {R"("name": "burst")", R"("name": "normal")", "there is another scenario 'normal'"},
        {R"("name": "burst")", R"("name": "baseline")", "'baseline' is what targets call"},
        {R"("name": "living")", R"("name": "served")", "there is another component 'served'"},
        {R"("95% of runs under 120ms")", R"("95% of runs under 120 parsecs")",
         "targets[0]: '95% of runs under 120 parsecs' names no metric"},
        {R"("95% of runs under 120ms")", R"("ready <= 5ms")", "targets[0]: nothing provides a metric 'ready'"},
        {R"("95% of runs under 120ms")", R"("cold_start < 3s")", "nothing provides cold_start in this scenario"},
        {R"("95% of runs under 120ms")", R"("memory / threads < 3M")",
         "'threads' is no parameter above zero to divide by"},
        {R"("throughput >= 80% of normal")", R"("throughput >= 80% of norml")",
         "there is no scenario 'norml' to compare with (did you mean 'normal'?)"},
        {R"("throughput >= 80% of normal")", R"("throughput >= 80% of burst")", "compares the scenario with itself"},
        {R"("until": "metric")", R"("until": "noon")", "'noon' is none of exit, health, metric"},
        {R"("metric": "ready_ms")", R"("metric": "redy_ms")", "'redy_ms' is no time that the component declares"},
        {R"("command": "eat {stress_bytes}")", R"("command": "eat {memory}")", "{memory} has no value"},
        {R"("memory_stress": "90%")", R"("description": "no stress")",
         "{stress_bytes} is known with memory_stress only"},
        {R"("measured": false }, { "name": "high")", R"("measured": false }, { "measured": false, "name": "high")",
         "none is measured"},
        {R"("cgroup": "/sys/fs/cgroup/clawos/worker.slice")", R"("cgroup": "../../etc")", "is no path of a cgroup"},
        {R"("command": "drive it",)", "", "scenarios[0].command: is missing"},
        {R"("resource_limits": { "memory": { "max": "1G" })",
         R"("resource_limits": { "memory.max": 4096, "memory": { "max": "1G" })", "memory.max is there twice"},
        {R"("name": "everything",)", "", "name: is missing"},
    };
    for (const Row& row : rows) {
        INFO(row.what << " -> " << row.with);
        const auto spec = parse_spec(replaced(full_spec(), row.what, row.with));
        REQUIRE_FALSE(spec);
        CHECK_THAT(told(spec.error()), ContainsSubstring(row.told));
    }
}

TEST_CASE("specification: the broken examples are told as their first lines say")
{
    std::size_t seen = 0;
    for (const auto& file : std::filesystem::directory_iterator(FLYBALL_SOURCE_DIR "/tests/golden/calibrate-broken")) {
        const std::string text = source_file("tests/golden/calibrate-broken/" + file.path().filename().string());
        const std::string expected = text.substr(3, text.find('\n') - 3);
        INFO(file.path());
        const auto spec = parse_spec(text);
        REQUIRE_FALSE(spec);
        CHECK_THAT(told(spec.error()), ContainsSubstring(expected));
        ++seen;
    }
    CHECK(seen >= 20);
}

TEST_CASE("specification: what is no JSON is told by its place")
{
    const auto place = [](std::string_view text) {
        const auto spec = parse_spec(text);
        REQUIRE_FALSE(spec);
        REQUIRE(spec.error().size() == 1);
        return spec.error()[0];
    };
    CHECK(place("{\n  \"name\": \"a\",\n  }").place == Place{3, 3});
    CHECK(place("{\n  \"name\" \"a\"}").place.line == 2);
    CHECK(place("").place == Place{1, 1});
    CHECK(place("{\"a\": \"\xff\"}").place.line == 1);
    CHECK_THAT(place("{ /* open").what, ContainsSubstring("comment"));
    CHECK(place("[]").what == "is a list, not an object");
    CHECK_THAT(place(std::string(100, '[')).what, ContainsSubstring("nested too deeply"));
    CHECK_THAT(place("{\"name\": 1e999}").what, ContainsSubstring("number overflow"));
    // Columns count characters.
    const auto spec = parse_spec("{\"description\": \"\xc3\xa4\xc3\xb6\", \"nme\": 1}");
    REQUIRE_FALSE(spec);
    CHECK(std::ranges::find(spec.error(), "nme", &Problem::field)->place == Place{1, 23});
}

TEST_CASE("specification: no more than twenty problems, in the order of the text")
{
    std::string text = "{\n";
    for (int i = 0; i < 50; ++i)
        text += "\"wrong" + std::to_string(i) + "\": 1,\n";
    const auto spec = parse_spec(text + "\"name\": \"a\"}");
    REQUIRE_FALSE(spec);
    CHECK(spec.error().size() == 20);
    CHECK(std::ranges::is_sorted(spec.error(), {}, [](const Problem& p) { return p.place.line; }));
}
