# Every kernels/<family>/<op>.cu -> build/kernels/<op>.ptx (what the virtual SM100 runs; several at once, kernel_unit.ts),
# <op>.sm_100a.cubin, <op>.sm_90a.cubin and <op>.<sm>.json (registers, spills, shared memory, from ptxas -v). Warnings are errors, in the
# front end and in ptxas.
# A portable kernel whose op has one for SM100 is not part of "all", but the target "kernels_portable": the virtual device seldom runs it.
# "complete" is both.
# Cubins take longer than everything else together and only a GPU wants them: they are the target "cubins", not part of "all";
# "cubins_sm100a" are those that ptxas makes of the PTX, which takes a fraction of that, "cubins_sm90a" those for Hopper.
set(KERNEL_OUT ${CMAKE_BINARY_DIR}/kernels)
set(KERNEL_HEADERS ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${KERNEL_OUT} ${CMAKE_BINARY_DIR}/units ${CMAKE_BINARY_DIR}/test)
set(NVCC_FLAGS -std=c++20 -O3 -lineinfo -Werror all-warnings -I${ROOT} -I${KERNEL_HEADERS})
list(JOIN NVCC_FLAGS " " NVCC_FLAGS_TEXT)

file(GLOB KERNEL_SOURCES CONFIGURE_DEPENDS ${ROOT}/kernels/*/*.cu)
file(GLOB TEST_KERNEL_SOURCES CONFIGURE_DEPENDS test/kernels/*.cu)

set(sources)
set(sources_portable)
set(cubins_100a)
set(cubins_90a)
foreach(cu IN LISTS KERNEL_SOURCES)
  cmake_path(REPLACE_EXTENSION cu LAST_ONLY .sm100.cu OUTPUT_VARIABLE made_for_sm100)
  if(EXISTS ${made_for_sm100})
    list(APPEND sources_portable ${cu})
  else()
    list(APPEND sources ${cu})
  endif()
  cmake_path(GET cu STEM LAST_ONLY op)
  set(base ${KERNEL_OUT}/${op})
  set(architectures 100a 90a)
  if(op MATCHES "\\.sm100$")
    set(architectures 100a)
  endif()
  foreach(sm IN LISTS architectures)
    add_custom_command(
      OUTPUT ${base}.sm_${sm}.cubin ${base}.sm_${sm}.json
      COMMAND ${CMAKE_COMMAND} -DOP=${op} -DSM=${sm} -DBASE=${base} -DCU=${cu} -DNVCC=${NVCC} "-DFLAGS=${NVCC_FLAGS_TEXT}"
              -P ${CMAKE_CURRENT_LIST_DIR}/cubin.cmake
      DEPENDS ${base}.ptx ${CMAKE_CURRENT_LIST_DIR}/cubin.cmake COMMENT "${op}.sm_${sm}.cubin" VERBATIM)
    list(APPEND cubins_${sm} ${base}.sm_${sm}.cubin)
  endforeach()
endforeach()

# PTX of the kernels that follow, eight in a run of nvcc: most of what it takes for one is CUDA's own headers. `outputs` gets the files.
find_program(NODE node REQUIRED)
function(add_ptx outputs name)
  set(all)
  list(LENGTH ARGN n)
  math(EXPR last "${n} - 1")
  foreach(first RANGE 0 ${last} 8)
    list(SUBLIST ARGN ${first} 8 members)
    set(ptx)
    set(pairs)
    foreach(cu IN LISTS members)
      cmake_path(GET cu STEM LAST_ONLY op)
      list(APPEND ptx ${KERNEL_OUT}/${op}.ptx)
      list(APPEND pairs ${KERNEL_OUT}/${op}.ptx ${cu})
    endforeach()
    set(unit ${CMAKE_BINARY_DIR}/units/${name}_${first})
    add_custom_command(
      OUTPUT ${ptx}
      COMMAND ${NODE} --import tsx ${CMAKE_CURRENT_LIST_DIR}/kernel_unit.ts ${unit}.cu ${unit}.d ${NVCC} ${NVCC_FLAGS} -arch=compute_100a -- ${pairs}
      DEPENDS ${members} ${CMAKE_CURRENT_LIST_DIR}/kernel_unit.ts DEPFILE ${unit}.d WORKING_DIRECTORY ${ROOT} COMMENT "${name}_${first}.ptx" VERBATIM)
    list(APPEND all ${ptx})
  endforeach()
  set(${outputs} ${all} PARENT_SCOPE)
endfunction()
add_ptx(ptx kernels ${sources})
add_ptx(ptx_portable portable ${sources_portable})
foreach(cu IN LISTS TEST_KERNEL_SOURCES)
  cmake_path(GET cu STEM op)
  set(base ${CMAKE_BINARY_DIR}/test/${op})
  add_custom_command(
    OUTPUT ${base}.ptx
    COMMAND ${NVCC} ${NVCC_FLAGS} -arch=compute_100a -ptx -MD -MF ${base}.d ${cu} -o ${base}.ptx
    DEPENDS ${cu} DEPFILE ${base}.d COMMENT "${op}.ptx")
  list(APPEND ptx ${base}.ptx)
endforeach()
add_custom_target(kernels ALL DEPENDS ${ptx})
add_custom_target(kernels_portable DEPENDS ${ptx_portable})
add_custom_target(cubins_sm100a DEPENDS ${cubins_100a})
add_custom_target(cubins_sm90a DEPENDS ${cubins_90a})
add_custom_target(cubins DEPENDS ${cubins_100a} ${cubins_90a})
