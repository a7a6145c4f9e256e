# Warnings, hardening and sanitizers for everything in the tree.
add_compile_definitions(_GNU_SOURCE LWF_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
                    -Wundef -Wformat=2 -Wvla -Wpointer-arith -Wwrite-strings -fno-common
                    -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wthread-safety -Wno-gnu-zero-variadic-macro-arguments)
endif()
if(LWF_WERROR)
  add_compile_options(-Werror)
endif()
if(LWF_SANITIZE)
  add_compile_options(-fsanitize=${LWF_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LWF_SANITIZE})
  if(LWF_SANITIZE MATCHES thread AND CMAKE_C_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-tsan) # fences stand between processes, which it does not watch anyway
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL Release OR CMAKE_BUILD_TYPE STREQUAL RelWithDebInfo)
  add_compile_options(-fstack-protector-strong
                      $<$<NOT:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>>:-fPIE>)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie> -Wl,-z,relro,-z,now)
endif()
# Asserts stay in release: NDEBUG is never set.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()
