# Headers of libraries, parsed once: without them half of a build is spent on the same few. None of our own headers are in
# here, so that changing one compiles what includes it and no more. A file still includes what it uses.

# fairway_precompiled(NAME HEADERS <a> ... LIBRARIES x::y ... OPTIONS -O1 ...): what fairway_use_precompiled(target NAME) shares.
function(fairway_precompiled name)
  cmake_parse_arguments(SET "" "" "HEADERS;LIBRARIES;OPTIONS" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp.new "// What a set of precompiled headers needs to be a target.\n")
  file(COPY_FILE ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp.new ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp ONLY_IF_DIFFERENT)
  add_library(precompiled_${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp)
  target_link_libraries(precompiled_${name} PRIVATE ${SET_LIBRARIES})
  target_compile_options(precompiled_${name} PRIVATE ${SET_OPTIONS})
  target_precompile_headers(precompiled_${name} PRIVATE ${SET_HEADERS})
endfunction()

function(fairway_use_precompiled target name)
  target_precompile_headers(${target} REUSE_FROM precompiled_${name})
endfunction()

set(FAIRWAY_COMMON_HEADERS
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <fstream> <functional> <map>
  <memory> <mutex> <optional> <set> <sstream> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <nlohmann/json.hpp> <spdlog/spdlog.h>)
set(FAIRWAY_ENVOY_HEADERS
  <envoy/config/cluster/v3/cluster.pb.h> <envoy/config/endpoint/v3/endpoint.pb.h> <envoy/config/listener/v3/listener.pb.h>
  <envoy/config/route/v3/route.pb.h>
  <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
  <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
  <envoy/service/discovery/v3/discovery.pb.h>)

set(libraries nlohmann_json::nlohmann_json spdlog::spdlog)
# -Wpedantic takes away a predefined macro, so the sets are made with the warnings of those who use them.
fairway_precompiled(common HEADERS ${FAIRWAY_COMMON_HEADERS} LIBRARIES ${libraries} OPTIONS -Wpedantic)
fairway_precompiled(envoy HEADERS ${FAIRWAY_COMMON_HEADERS} ${FAIRWAY_ENVOY_HEADERS} LIBRARIES ${libraries} envoy::protos
  OPTIONS -Wpedantic)
if(BUILD_TESTING)
  set(tests <catch2/catch.hpp>)
  fairway_precompiled(test_common HEADERS ${FAIRWAY_COMMON_HEADERS} ${tests} LIBRARIES ${libraries} Catch2::Catch2
    OPTIONS ${FAIRWAY_TEST_OPTIONS})
  fairway_precompiled(test_envoy HEADERS ${FAIRWAY_COMMON_HEADERS} ${FAIRWAY_ENVOY_HEADERS} ${tests}
    LIBRARIES ${libraries} Catch2::Catch2 envoy::protos OPTIONS ${FAIRWAY_TEST_OPTIONS})
endif()
