#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "store/store.h"

// A small mesh whose objects come and go and change between a handful of variants each, good and bad.
namespace fairway::test {

// Which variant each object is in; 0 = it does not exist.
using State = std::map<std::string, int>;

// All objects the world can hold, by "Kind/ns/name", and in how many variants each exists.
const std::map<std::string, int>& worldObjects();

// The object in that variant (1 ... worldObjects()[name]).
api::ObjectPtr worldObject(const std::string& name, int variant);

// What leads from one state to another, in random order.
std::vector<store::Change> changesBetween(const State& from, const State& to, std::mt19937& random);

// A state in which about `share` of the objects exist, in random variants.
State randomState(std::mt19937& random, double share);

// The state with `count` objects created, changed or removed.
State mutated(State state, std::size_t count, std::mt19937& random);

}  // namespace fairway::test
