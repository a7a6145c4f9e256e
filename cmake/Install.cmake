# What `cmake --install` puts where: the programs, their pages, the language of scenarios with those of
# ours, and the headers with which filters are built outside of the tree (docs/writing-a-filter.md).
include(GNUInstallDirs)
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # so that the whole can be moved
configure_file(cmake/lwf-filter.pc.in lwf-filter.pc @ONLY)
install(TARGETS lwfd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS lwfctl lwf-inject lwf-stress RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS lwf-faults LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/lwf)
install(DIRECTORY include/lwf DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/lwf-filter.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES docs/scenarios.md DESTINATION ${CMAKE_INSTALL_DOCDIR}) # lwf-stress --help names it
install(DIRECTORY scripts/scenarios DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.scn" PATTERN "*.inc")
if(SCDOC)
  file(GLOB pages docs/man/*.scd)
  foreach(page ${pages})
    cmake_path(GET page STEM LAST_ONLY name)
    string(REGEX REPLACE ".*\\." "" section ${name})
    install(FILES ${CMAKE_BINARY_DIR}/man/${name} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
endif()
