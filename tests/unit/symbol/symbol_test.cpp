// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/file.hpp"
#include "flyball/symbol/demangle.hpp"
#include "flyball/symbol/elf_symbols.hpp"
#include "flyball/symbol/kernel_names.hpp"
#include "flyball/symbol/mappings.hpp"
#include "flyball/symbol/places.hpp"
#include "flyball/symbol/text_symbols.hpp"
#include "support/catch.hpp"
#include "unit/cgroup/fixture.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

using namespace flyball;
using namespace flyball::symbol;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;

// What the tests look for in their own binary. Not static: they are in its table by these names.
extern "C" [[gnu::noinline]] int flyball_symbol_landmark(int x);
extern "C" int flyball_symbol_landmark(int x)
{
    return x * 3 + 1;
}

namespace flyball::test {
[[gnu::noinline]] int mangled_landmark(int x, const std::string& text);
int mangled_landmark(int x, const std::string& text)
{
    return x + static_cast<int>(text.size());
}
}  // namespace flyball::test

namespace {

template <class Function>
std::uint64_t address_of(Function* function)
{
    return reinterpret_cast<std::uint64_t>(function);
}

ProcessKey self()
{
    return {.tgid = static_cast<std::uint32_t>(::getpid()), .start_ns = 1, .exec_id = 1};
}

std::string name_here(std::uint64_t address, bool innermost = true)
{
    Places places;
    return places.name(places.place(self(), address, true, 1), innermost);
}

UniqueFd memory_file(std::string_view bytes)
{
    UniqueFd file(::memfd_create("elf", MFD_CLOEXEC));
    REQUIRE(file.valid());
    REQUIRE(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    return file;
}

}  // namespace

TEST_CASE("functions of this very program have their names", "[symbol]")
{
    CHECK(flyball_symbol_landmark(1) == 4);
    CHECK(test::mangled_landmark(1, "a") == 2);
    const std::uint64_t landmark = address_of(&flyball_symbol_landmark);
    CHECK(name_here(landmark) == "flyball_symbol_landmark");
    CHECK(name_here(landmark + 1) == "flyball_symbol_landmark");
    // A return address right behind a function belongs to the call that ended it.
    CHECK(name_here(landmark + 1, false) == "flyball_symbol_landmark");
    CHECK(name_here(landmark, false) != "flyball_symbol_landmark");
    CHECK_THAT(name_here(address_of(&test::mangled_landmark)),
               ContainsSubstring("flyball::test::mangled_landmark(int, std::"));
}

TEST_CASE("functions of a library have the names that it exports", "[symbol]")
{
    CHECK_THAT(name_here(address_of(&::getppid)), ContainsSubstring("getppid"));
}

TEST_CASE("functions of the vdso have names", "[symbol]")
{
    void* vdso = ::dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
    void* function = vdso != nullptr ? ::dlsym(vdso, "__vdso_clock_gettime") : nullptr;
    if (function == nullptr)
        FB_SKIP("this machine has no vdso of that name");
    CHECK_THAT(name_here(reinterpret_cast<std::uint64_t>(function)), ContainsSubstring("clock_gettime"));
}

TEST_CASE("an address in no mapping, or of a process that is gone, says so", "[symbol]")
{
    CHECK(name_here(16) == "[unmapped]");
    Places places;
    const ProcessKey nobody{.tgid = 0x7fffffff, .start_ns = 1, .exec_id = 1};
    const Place place = places.place(nobody, address_of(&flyball_symbol_landmark), true, 1);
    CHECK(place.module == Places::kGone);
    CHECK(places.name(place, true) == "[process ended before its map was read]");
}

TEST_CASE("what has no name is a file and an offset", "[symbol]")
{
    const FakeRoot root;
    root.file("/9/maps", "400000-500000 r-xp 00001000 00:01 77 /opt/some program\n"
                         "600000-601000 r--p 00000000 00:01 78 /opt/data\n");
    Places places(root.path());
    const ProcessKey nine{.tgid = 9, .start_ns = 1, .exec_id = 1};
    const Place place = places.place(nine, 0x400123, true, 1);
    CHECK(place.offset_bytes == 0x1123);
    CHECK(places.name(place, true) == "[some program+0x1123]");
    CHECK(places.name(places.place(nine, 0x600010, true, 1), true) == "[unmapped]");
    // The same file in another process is the same place.
    root.file("/10/maps", "800000-900000 r-xp 00001000 00:01 77 /opt/some program\n");
    CHECK(places.place({.tgid = 10, .start_ns = 1, .exec_id = 1}, 0x800123, true, 1) == place);
}

TEST_CASE("a file is read as its process sees it, and only if it is that file", "[symbol]")
{
    const FakeRoot root;
    std::error_code error;
    root.dir("/9/root/opt");
    std::filesystem::copy_file("/proc/self/exe", root.path() + "/9/root/opt/prog", error);
    REQUIRE_FALSE(error);
    struct stat what{};
    REQUIRE(::stat((root.path() + "/9/root/opt/prog").c_str(), &what) == 0);
    const auto own = executable_mappings(*read_file("/proc/self/maps"));
    const std::uint64_t address = address_of(&flyball_symbol_landmark);
    const Mapping* here = find_mapping(own, address);
    REQUIRE(here != nullptr);
    const auto line = [&](std::uint64_t inode) {
        return fmt::format("{:x}-{:x} r-xp {:08x} 00:01 {} /opt/prog\n", here->begin, here->end, here->offset_bytes,
                           inode);
    };
    const ProcessKey nine{.tgid = 9, .start_ns = 1, .exec_id = 1};
    root.file("/9/maps", line(what.st_ino));
    Places right(root.path());
    CHECK(right.name(right.place(nine, address, true, 1), true) == "flyball_symbol_landmark");
    root.file("/9/maps", line(what.st_ino + 1));
    Places wrong(root.path());
    CHECK_THAT(wrong.name(wrong.place(nine, address, true, 1), true), ContainsSubstring("[prog+0x"));
}

TEST_CASE("just-in-time code is named by the map that its compiler writes", "[symbol]")
{
    const FakeRoot root;
    root.file("/9/maps", "400000-500000 rwxp 00000000 00:00 0 \n");
    root.file("/9/status", fmt::format("Name:\tvm\nUid:\t{0}\t{0}\t{0}\t{0}\nNSpid:\t9\t3\n", ::getuid()));
    Places places(root.path());
    const ProcessKey nine{.tgid = 9, .start_ns = 1, .exec_id = 1};
    // Before the compiler has written anything.
    const Place early = places.place(nine, 0x400010, true, 1);
    root.file("/9/root/tmp/perf-3.map", "400000 20 early method\nzzz\n400020 10 next\n");
    const Place late = places.place(nine, 0x400024, true, 1'000'000'000);
    CHECK(places.name(early, true) == "early method");
    CHECK(places.name(late, true) == "next");
    CHECK(places.name(places.place(nine, 0x400040, true, 1), true) == "[anon+0x400040]");
}

TEST_CASE("maps are read anew when code shows up elsewhere, not at each sample", "[symbol]")
{
    const FakeRoot root;
    const ProcessKey nine{.tgid = 9, .start_ns = 1, .exec_id = 1};
    root.file("/9/maps", "400000-500000 r-xp 00000000 00:01 77 /opt/a\n");
    Places places(root.path());
    CHECK(places.place(nine, 0x700000, true, 1).module == Places::kUnmapped);
    root.file("/9/maps", "700000-800000 r-xp 00000000 00:01 78 /opt/b\n");
    CHECK(places.place(nine, 0x700000, true, 2).module == Places::kUnmapped);
    CHECK(places.place(nine, 0x700000, false, 100'000'000).module == Places::kUnmapped);
    CHECK(places.name(places.place(nine, 0x700000, true, 100'000'000), true) == "[b+0x0]");
}

TEST_CASE("maps: executable mappings, in order", "[symbol]")
{
    const auto mappings = executable_mappings(
        "7f0000002000-7f0000003000 r-xp 00000000 00:00 0                          [vdso]\n"
        "55d0e0000000-55d0e0004000 r--p 00000000 fd:01 1234                       /usr/bin/a b\n"
        "55d0e0004000-55d0e0008000 r-xp 00004000 fd:01 1234                       /usr/bin/a b (deleted)\n"
        "nonsense\n"
        "5-4 r-xp 0 00:00 0\n"
        "1-2 r-xp g 00:00 0\n"
        "1-2 r-xp 0 00:00\n"
        "-2 r-xp 0 00:00 0\n"
        "fffffffffffffffff-2 r-xp 0 00:00 0\n");
    REQUIRE(mappings.size() == 2);
    CHECK(mappings[0] == Mapping{.begin = 0x55d0e0004000,
                                 .end = 0x55d0e0008000,
                                 .offset_bytes = 0x4000,
                                 .device = "fd:01",
                                 .inode = 1234,
                                 .path = "/usr/bin/a b (deleted)"});
    CHECK(mappings[1].path == "[vdso]");
    CHECK(find_mapping(mappings, 0x55d0e0003fff) == nullptr);
    CHECK(find_mapping(mappings, 0x55d0e0004000) == &mappings[0]);
    CHECK(find_mapping(mappings, 0x55d0e0007fff) == &mappings[0]);
    CHECK(find_mapping(mappings, 0x55d0e0008000) == nullptr);
    CHECK(find_mapping({}, 1) == nullptr);
}

TEST_CASE("perf maps: what was written later holds", "[symbol]")
{
    const auto table = perf_map_symbols("1000 10 old\n0x2000 0x8 LazyCompile:~f a.js:1\n1000 20 new\n"
                                        "xyz 10 bad\n3000 0 nothing\n4000 4\n5000\n");
    CHECK(table.size() == 2);
    CHECK(table.find(0x101f) == "new");
    CHECK(table.find(0x1020) == std::nullopt);
    CHECK(table.find(0x2007) == "LazyCompile:~f a.js:1");
    CHECK(table.find(0xfff) == std::nullopt);
}

TEST_CASE("kallsyms: functions, and nothing where addresses are hidden", "[symbol]")
{
    const auto table = kallsyms_symbols("ffffffff81000000 T _text\nffffffff81000000 t local\n"
                                        "ffffffff81000100 D data\nffffffff81000200 t vfs_x\t[mod]\nbad\n");
    CHECK(table.find(0xffffffff81000000) == "_text");
    CHECK(table.find(0xffffffff810001ff) == "_text");
    CHECK(table.find(0xffffffff81000200) == "vfs_x");
    CHECK(table.find(1) == std::nullopt);
    CHECK(kallsyms_symbols("0000000000000000 T _text\n0000000000000000 T x\n").size() == 0);
}

TEST_CASE("a kernel that hides its addresses is told of, and addresses stay numbers", "[symbol]")
{
    const FakeRoot root;
    root.file("/kallsyms", "0000000000000000 T _text\n");
    root.file("/sys/kernel/kptr_restrict", "2\n");
    const KernelNames names = KernelNames::read(root.path());
    CHECK_THAT(names.why_none(), ContainsSubstring("kernel.kptr_restrict is 2"));
    CHECK(names.name(0xffffffff81000010, true) == "[kernel+0xffffffff81000010]");
    root.file("/kallsyms", "ffffffff81000000 T first\nffffffff81000010 T second\n");
    const KernelNames shown = KernelNames::read(root.path());
    CHECK(shown.why_none().empty());
    CHECK(shown.name(0xffffffff81000010, true) == "second");
    CHECK(shown.name(0xffffffff81000010, false) == "first");
}

TEST_CASE("names are demangled within reason", "[symbol]")
{
    CHECK(demangle("_ZN3foo3barEi") == "foo::bar(int)");
    CHECK(demangle("main") == "main");
    CHECK(demangle("_Znonsense") == "_Znonsense");
    // Each part is a pair of the one before: 30 levels would be a billion names.
    std::string bomb = "_Z1fI1AE";
    for (int i = 0; i < 60; ++i)
        bomb += "1PIS_S0_E";
    CHECK(demangle(bomb) == bomb);
    CHECK(demangle("_Z" + std::string(5000, '1')).size() == 5002);
}

TEST_CASE("what is no ELF file, or a damaged one, costs its names only", "[symbol]")
{
    CHECK_FALSE(ElfSymbols::read(memory_file("").get()));
    CHECK_FALSE(ElfSymbols::read(memory_file("#!/bin/sh\n").get()));
    CHECK_FALSE(ElfSymbols::read(std::span<const std::byte>()));
    const UniqueFd exe(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    const auto whole = ElfSymbols::read(exe.get());
    REQUIRE(whole);
    CHECK(whole->size() > 100);

    // The vdso is small, and has all that a file has.
    std::string image;
    for (const Mapping& mapping : executable_mappings(*read_file("/proc/self/maps"))) {
        if (mapping.path == "[vdso]")
            image.assign(reinterpret_cast<const char*>(mapping.begin), mapping.end - mapping.begin);
    }
    if (image.empty())
        FB_SKIP("this machine has no vdso");
    std::mt19937 random(1);
    std::size_t read = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string damaged = image;
        if (round % 4 == 0)
            damaged.resize(random() % damaged.size());
        for (int i = 0; i < 8 && !damaged.empty(); ++i) {
            // Half of it in the headers, which steer everything.
            const std::size_t within = i % 2 == 0 ? std::min<std::size_t>(damaged.size(), 256) : damaged.size();
            damaged[random() % within] = static_cast<char>(random());
        }
        const auto symbols = ElfSymbols::read(memory_file(damaged).get());
        read += symbols && symbols->size() > 0;
        if (symbols)
            (void)symbols->find(random() % image.size());
    }
    CHECK(read > 0);
}
