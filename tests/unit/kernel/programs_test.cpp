// SPDX-License-Identifier: Apache-2.0
// The table of programs against the sources: it cannot drift.
#include "flyball/kernel/programs.hpp"
#include "support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

using namespace flyball::kernel;

namespace {

std::string read(const std::filesystem::path& path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Source {
    std::string section;
    std::string parameters;  // after ctx
};

// name -> what bpf/*.bpf.h say of it
std::map<std::string, Source> in_sources()
{
    // SEC("x") int BPF_PROG(name, parameters), the same with UNPREEMPTED_PROG, or SEC("x") int name(context)
    const std::regex pattern(
        R"re(SEC\("([a-z_]+(?:/\w+)?)"\)\s+int (?:(?:BPF|UNPREEMPTED)_PROG\((\w+)(?:,([^)]*))?\)|(\w+)\())re");
    std::map<std::string, Source> found;
    for (const auto& entry : std::filesystem::directory_iterator(FLYBALL_SOURCE_DIR "/bpf")) {
        if (!entry.path().string().ends_with(".bpf.h"))
            continue;
        const std::string text = read(entry.path());
        for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
            const std::smatch& m = *at;
            found[m[2].matched ? m[2].str() : m[4].str()] = {m[1].str(), m[3].str()};
        }
    }
    return found;
}

}  // namespace

TEST_CASE("the table has every BPF program, with its hook, and no other", "[kernel]")
{
    const auto sources = in_sources();
    REQUIRE(sources.size() > 40);
    for (const auto& [name, source] : sources) {
        INFO(name);
        const Program* program = find_program(name);
        REQUIRE(program != nullptr);
        CHECK(section(*program) == source.section);
    }
    for (const Program& program : programs()) {
        INFO(program.name);
        CHECK(sources.contains(std::string(program.name)));
    }
}

TEST_CASE("no SEC() of a program escapes the pattern above", "[kernel]")
{
    std::size_t sections = 0;
    const std::regex any(R"re(SEC\("(?!\.maps|license)[^"]*"\))re");
    for (const auto& entry : std::filesystem::directory_iterator(FLYBALL_SOURCE_DIR "/bpf")) {
        if (entry.path().filename() == "stacks.bpf.c")
            continue;  // an object of its own: its one program is loaded by --stacks, not by a plan
        const std::string text = read(entry.path());
        sections += static_cast<std::size_t>(
            std::distance(std::sregex_iterator(text.begin(), text.end(), any), std::sregex_iterator()));
    }
    CHECK(sections == in_sources().size());
}

TEST_CASE("the table's argument types are the sources'", "[kernel]")
{
    const auto sources = in_sources();
    for (const Program& program : programs()) {
        if (program.argument < 0)
            continue;
        INFO(program.name);
        std::string parameters = sources.at(std::string(program.name)).parameters + ",";
        for (int i = 0; i < program.argument; ++i)
            parameters.erase(0, parameters.find(',') + 1);
        const std::string mine = parameters.substr(0, parameters.find(','));
        CHECK_THAT(mine, flyball::test::ContainsSubstring("struct " + std::string(program.type) + " *"));
    }
}

TEST_CASE("names are unique, and unknown ones are not found", "[kernel]")
{
    std::set<std::string_view> names;
    for (const Program& program : programs()) {
        CHECK(names.insert(program.name).second);
        CHECK_FALSE(program.serves.empty());
    }
    CHECK(find_program("") == nullptr);
    CHECK(find_program("no_such_program") == nullptr);
}
