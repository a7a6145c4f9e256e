# lwf_folder(NAME [USES folder...] [LIBRARIES target...] [NO_CORE]): static library lwf_NAME from
# every .c in lwf/NAME. It sees include/, itself, and the folders it names; the libraries are
# private, so that nobody sees their headers by way of it.
function(lwf_folder name)
  cmake_parse_arguments(arg "NO_CORE" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lwf/${name}/*.c)
  add_library(lwf_${name} STATIC ${sources})
  target_include_directories(lwf_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include)
  target_include_directories(lwf_${name} INTERFACE ${CMAKE_SOURCE_DIR}/lwf/${name})
  target_include_directories(lwf_${name} PRIVATE ${CMAKE_SOURCE_DIR}/lwf/${name})
  foreach(used ${arg_USES})
    target_link_libraries(lwf_${name} PUBLIC lwf_${used})
  endforeach()
  target_link_libraries(lwf_${name} PRIVATE ${arg_LIBRARIES})
endfunction()
