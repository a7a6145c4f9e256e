# The libraries for programs outside of the tree: liblwf (the engine with its filters, edges and
# hosts) and liblwf-client (handles on a running lwfd), each shared and static. They are compiled
# once more, position independent, from the very sources of the folders; nothing of the tree links
# them, so what lwfd runs is not made slower by it. The version scripts list what is exported.

# lwf_library(NAME MAP EXPORTED SOURCES file... INCLUDES dir... LIBRARIES target...):
# lib<NAME>.so and lib<NAME>.a, for CMake lwf::<EXPORTED> and lwf::<EXPORTED>_static.
function(lwf_library name map exported)
  cmake_parse_arguments(arg "" "" "SOURCES;INCLUDES;LIBRARIES" ${ARGN})
  set(id lwf_lib_${exported})
  add_library(${id}_objects OBJECT ${arg_SOURCES})
  set_target_properties(${id}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON
                        EXPORT_COMPILE_COMMANDS OFF) # who reads them has read the sources already
  target_compile_options(${id}_objects PRIVATE -fno-semantic-interposition)
  target_include_directories(${id}_objects PRIVATE ${CMAKE_SOURCE_DIR}/include ${arg_INCLUDES})
  target_link_libraries(${id}_objects PRIVATE ${arg_LIBRARIES})
  if(LWF_BREAK_GATE)
    target_compile_definitions(${id}_objects PRIVATE LWF_BREAK_GATE=1)
  endif()
  add_library(${id} SHARED $<TARGET_OBJECTS:${id}_objects>)
  add_library(${id}_static STATIC $<TARGET_OBJECTS:${id}_objects>)
  set_target_properties(${id} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
                        LINK_DEPENDS ${map} EXPORT_NAME ${exported})
  set_target_properties(${id}_static PROPERTIES EXPORT_NAME ${exported}_static)
  target_link_options(${id} PRIVATE -Wl,--version-script=${map} -Wl,-Bsymbolic-functions)
  if(NOT LWF_SANITIZE) # their runtime is in the program that loads the library
    target_link_options(${id} PRIVATE -Wl,-z,defs) # a source that is missing is found here, not by users
  endif()
  foreach(target ${id} ${id}_static)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE C)
    target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
  endforeach()
  install(TARGETS ${id} EXPORT lwf-shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS ${id}_static EXPORT lwf-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  foreach(package ${name} ${name}-static)
    configure_file(cmake/${package}.pc.in ${package}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endforeach()
endfunction()

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # so that the whole can be moved

set(engine_sources)
set(engine_folders)
foreach(folder core filters edges hosts)
  get_target_property(sources lwf_${folder} SOURCES)
  list(APPEND engine_sources ${sources})
  list(APPEND engine_folders ${CMAKE_SOURCE_DIR}/lwf/${folder})
endforeach()
lwf_library(lwf ${CMAKE_SOURCE_DIR}/cmake/lwf.map lwf
            SOURCES ${engine_sources} INCLUDES ${engine_folders}
            LIBRARIES PkgConfig::EVENT PkgConfig::PCAP Threads::Threads)

# lwf.py is of no one version of Python, so it has a folder of its own (lwf-client.pc names it);
# packagers may say lib/python3/dist-packages.
set(LWF_PYTHON_DIR ${CMAKE_INSTALL_DATADIR}/lwf/python CACHE STRING "Where lwf.py is installed")
install(FILES injector/python/lwf.py DESTINATION ${LWF_PYTHON_DIR})

get_target_property(client_sources lwf_client SOURCES)
lwf_library(lwf-client ${CMAKE_SOURCE_DIR}/cmake/lwf-client.map client
            SOURCES ${client_sources} ${CMAKE_SOURCE_DIR}/lwf/wire/connection.c
                    ${CMAKE_SOURCE_DIR}/lwf/wire/records.c ${CMAKE_SOURCE_DIR}/lwf/wire/wire.c
                    ${CMAKE_SOURCE_DIR}/lwf/core/names.c ${CMAKE_SOURCE_DIR}/lwf/core/flow_names.c
                    ${CMAKE_SOURCE_DIR}/lwf/core/verdict_names.c
            INCLUDES ${CMAKE_SOURCE_DIR}/lwf/wire
            LIBRARIES PkgConfig::JANSSON)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/lwf)
install(EXPORT lwf-shared NAMESPACE lwf:: DESTINATION ${package})
install(EXPORT lwf-static NAMESPACE lwf:: DESTINATION ${package})
configure_file(cmake/lwf-config.cmake.in lwf-config.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/lwf-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/lwf-config.cmake ${CMAKE_BINARY_DIR}/lwf-config-version.cmake
        DESTINATION ${package})
