# All of Envoy's API as one serialized FileDescriptorSet: ENVOY_API_DESCRIPTORS. Made in a second from the Python package that
# tools/setup installs, since generated code for all of it would be many times what it says.
file(SHA256 ${CMAKE_SOURCE_DIR}/tools/requirements.txt requirements)
string(SUBSTRING ${requirements} 0 12 requirements)
if(DEFINED ENV{XDG_CACHE_HOME})
  set(cache $ENV{XDG_CACHE_HOME})
else()
  set(cache $ENV{HOME}/.cache)
endif()
set(ENVOY_API_PYTHON ${cache}/fairway/python-${requirements}/bin/python CACHE FILEPATH "A Python that has xds-protos")
set(ENVOY_API_DESCRIPTORS ${CMAKE_BINARY_DIR}/envoy_api.pb)
add_custom_command(
  OUTPUT ${ENVOY_API_DESCRIPTORS}
  COMMAND ${ENVOY_API_PYTHON} ${CMAKE_SOURCE_DIR}/tools/protos/descriptors.py --all ${ENVOY_API_DESCRIPTORS}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/protos/descriptors.py ${CMAKE_SOURCE_DIR}/tools/requirements.txt
  COMMENT "Descriptors of Envoy's API"
  VERBATIM)
