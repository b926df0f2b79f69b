# The target `envoy_api`: Envoy's API messages and the aggregated discovery service, compiled once.
#
# The .proto files are put into the cache by packaging/fetch-envoy-api.sh. Without them everything else still
# configures and builds; a target that links envoy_api stops with a message that names the script.
if(DEFINED ENV{SERIN_CACHE})
  set(serin_cache_default $ENV{SERIN_CACHE})
else()
  set(serin_cache_default ${CMAKE_SOURCE_DIR}/.cache)
endif()
set(SERIN_CACHE ${serin_cache_default} CACHE PATH "Folder of fetched parts (Envoy, its API definitions)")

# A glob, so that a build notices when the definitions arrive.
file(GLOB envoy_api_stamp CONFIGURE_DEPENDS ${SERIN_CACHE}/envoy-api/stamp)
if(envoy_api_stamp)
  # A folder of its own, because it sets compiler flags.
  add_subdirectory(cmake/envoy_api)
else()
  message(STATUS "Envoy's API definitions are missing: targets that need envoy_api will not build")
  add_custom_target(envoy_api_missing
    COMMAND ${CMAKE_COMMAND} -E echo
      "Envoy's API definitions are not in ${SERIN_CACHE}: run packaging/fetch-envoy-api.sh (or make deps)"
    COMMAND ${CMAKE_COMMAND} -E false
    VERBATIM)
  add_library(envoy_api INTERFACE)
  add_dependencies(envoy_api envoy_api_missing)
endif()
