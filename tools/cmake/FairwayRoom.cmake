# Warnings are errors in the dev preset. In optimised builds GCC 12 warns of code that is in order (restrict,
# maybe-uninitialized), differently with each of its releases: there they only show.
option(FAIRWAY_WERROR "Treat warnings as errors" OFF)
set(FAIRWAY_WARNINGS "")
if(FAIRWAY_WERROR)
  set(FAIRWAY_WARNINGS -Werror)
endif()

# fairway_room(NAME SOURCES a.cpp ... ROOMS base api ... LIBRARIES spdlog::spdlog ...)
#
# One folder of operator/ as a static library `fairway_NAME`. ROOMS are the folders it may include:
# the link line and tools/lint/includes.py both hold it to that list. PRECOMPILED is the set of library headers it shares
# (Precompiled.cmake; "common" unless said).
function(fairway_room name)
  cmake_parse_arguments(ROOM "" "PRECOMPILED" "SOURCES;ROOMS;LIBRARIES" ${ARGN})
  if(ROOM_SOURCES)
    add_library(fairway_${name} STATIC ${ROOM_SOURCES})
    set(scope PUBLIC)
    target_compile_options(fairway_${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor ${FAIRWAY_WARNINGS})
    if(NOT ROOM_PRECOMPILED)
      set(ROOM_PRECOMPILED common)
    endif()
    fairway_use_precompiled(fairway_${name} ${ROOM_PRECOMPILED})
  else()
    add_library(fairway_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(fairway_${name} ${scope} ${CMAKE_SOURCE_DIR}/operator ${CMAKE_BINARY_DIR}/operator)
  foreach(room ${ROOM_ROOMS})
    target_link_libraries(fairway_${name} ${scope} fairway_${room})
  endforeach()
  target_link_libraries(fairway_${name} ${scope} ${ROOM_LIBRARIES})
endfunction()

# fairway_test(NAME SOURCES a_test.cpp ... LINK fairway_api ...): one Catch2 program of tests/unit.
function(fairway_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT;PRECOMPILED" "SOURCES;LINK" ${ARGN})
  add_executable(test_${name} ${TEST_SOURCES})
  target_link_libraries(test_${name} PRIVATE catch_main ${TEST_LINK})
  target_compile_options(test_${name} PRIVATE -Wall -Wextra ${FAIRWAY_WARNINGS})
  if(NOT TEST_PRECOMPILED)
    set(TEST_PRECOMPILED test_common)
  endif()
  fairway_use_precompiled(test_${name} ${TEST_PRECOMPILED})
  if(FAIRWAY_SANITIZE STREQUAL "thread")
    # Debian's gRPC is built without the sanitizer, which takes what passes through it for races.
    set(filter "~[grpc]")
  endif()
  add_test(NAME unit.${name} COMMAND test_${name} ${filter})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT})
endfunction()
