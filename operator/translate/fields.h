#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Lists and maps as one field of a unit key (store::joinKey), and back. Any text may be in them.
namespace fairway::translate {

std::string listField(const std::vector<std::string>& values);
std::vector<std::string> parseList(std::string_view field);

std::string mapField(const std::map<std::string, std::string>& values);
std::map<std::string, std::string> parseMap(std::string_view field);

std::string portsField(const std::map<std::string, std::uint32_t>& ports);
std::map<std::string, std::uint32_t> parsePorts(std::string_view field);

std::string flagField(bool flag);
bool parseFlag(std::string_view field);

std::string numberField(std::uint32_t number);
std::uint32_t parseNumber(std::string_view field);

// Field `index` of a split key; empty if the key is too short.
const std::string& fieldAt(const std::vector<std::string>& fields, std::size_t index);

}  // namespace fairway::translate
