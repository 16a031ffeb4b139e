// SPDX-License-Identifier: Apache-2.0
// Who an id is. Events name a cgroup by (hierarchy, 64-bit id); a Snapshot names it by path.
// Names arrive late, change, and outlive their cgroup: this registry is where all that ends.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/snapshot.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace flyball::profile {

enum class Controller : std::uint8_t { Cpu, Memory, Io, Pids };
inline constexpr std::size_t kControllers = 4;

// One path, in whatever hierarchies it exists, and what was measured for it.
struct Entity {
    CgroupProfile profile;
    // nullptr: the throttler is not known. Paths are put in when the run ends.
    std::unordered_map<Entity*, std::uint64_t> held_by;
    // What the kernel counted in cgroups of this path that were removed.
    std::optional<KernelCounters> ended;
    std::uint32_t existed = 0;                      // ids that had this path before the run
    std::uint32_t alive = 0;                        // ids that have it now
    std::map<int, std::uint32_t> created, removed;  // how often during the run, by hierarchy
    // Set when a name turned up that another entity already had: all data is there.
    Entity* merged_into = nullptr;

    [[nodiscard]] Count& count(fb_metric metric) { return profile.counts[metric - FB_M_WAKEUPS]; }
};

// The entity that now has the data of this one.
[[nodiscard]] inline Entity* resolve(Entity* entity)
{
    while (entity != nullptr && entity->merged_into != nullptr)
        entity = entity->merged_into;
    return entity;
}

class Names {
public:
    Names(const std::map<std::string, int>& hierarchies, std::span<const KnownCgroup> known);

    // Hot: one comparison when the id is that of the call before, else one look-up.
    [[nodiscard]] Entity& of(Controller controller, std::uint64_t id)
    {
        if (id == 0)
            return *none_;
        Hierarchy& hierarchy = *controllers_[static_cast<std::size_t>(controller)];
        if (hierarchy.last == nullptr || hierarchy.last->id != id)
            hierarchy.last = &node(hierarchy, id);
        return *hierarchy.last->entity;
    }

    void apply(const fb_cgroup& record);

    // By its path of now; nullptr: there is none.
    [[nodiscard]] Entity* find(const std::string& path) const;
    // The id that had its path last in a controller's hierarchy, 0: none had.
    [[nodiscard]] std::uint64_t id_of(Controller controller, const Entity& entity) const;

    [[nodiscard]] std::vector<std::string> take_created();

    // Every entity that has its own data, in no useful order.
    [[nodiscard]] std::vector<Entity*> entities() const;

    // Forgets cgroups that were removed before that, and with the last one of a path all that was known of it. Nobody
    // else may hold an entity of theirs but those that are held. For who runs for weeks.
    void forget_removed(std::uint64_t before_ns, const std::set<const Entity*>& held);

    // hierarchy -> id -> path, of every id that was named or spoken of.
    [[nodiscard]] std::map<int, std::map<std::uint64_t, std::string>> paths() const;

    // Is it below (or the same as) the other? nullopt while a name is missing.
    [[nodiscard]] static std::optional<bool> inside(const Entity& entity, const Entity& ancestor);

private:
    // One id of one hierarchy. Kept after its removal: late events still belong to its path.
    struct Node {
        std::uint64_t id = 0;
        Entity* entity = nullptr;
        bool named = false;
        bool alive = true;
        bool began_inside = false;  // made or renamed during the run
        bool announced = false;     // take_created() has given it out
        std::uint64_t removed_ns = 0;
    };
    struct Hierarchy {
        int number = 0;
        std::unordered_map<std::uint64_t, Node> nodes;  // addresses of values are stable
        Node* last = nullptr;
    };

    Entity& make_entity(std::string path);
    Entity& entity_at(const std::string& path);
    Hierarchy& hierarchy(int number);
    Node& node(Hierarchy& hierarchy, std::uint64_t id);
    // The same, of an id whose first record has its name: nothing has to be kept for it until it has one.
    Node& node(Hierarchy& hierarchy, std::uint64_t id, const std::string& path);

    void give_name(const Hierarchy& hierarchy, Node& node, const std::string& path);
    void rename(Hierarchy& hierarchy, Node& node, const std::string& path);
    static void move(const Hierarchy& hierarchy, Node& node, Entity& to);
    void mark_created(const Hierarchy& hierarchy, Node& node);
    static void mark_removed(const Hierarchy& hierarchy, Node& node, std::uint64_t at_ns);

    std::vector<std::unique_ptr<Entity>> all_;
    std::unordered_map<std::string, Entity*> by_path_;
    std::map<int, Hierarchy> hierarchies_;
    std::array<Hierarchy*, kControllers> controllers_{};
    Entity* none_ = nullptr;
    std::vector<Node*> created_;
};

}  // namespace flyball::profile
