# One cubin and what ptxas says of it. sm_100a is assembled from the PTX that the virtual SM100 runs, so both execute the same code.
set(out ${BASE}.sm_${SM}.cubin)
if(SM STREQUAL "100a")
  cmake_path(GET NVCC PARENT_PATH bin)
  find_program(PTXAS ptxas HINTS ${bin} /usr/local/cuda/bin REQUIRED)
  execute_process(
    COMMAND ${PTXAS} -v -O3 --warning-as-error -arch=sm_${SM} ${BASE}.ptx -o ${out}
    ERROR_VARIABLE log OUTPUT_VARIABLE log RESULT_VARIABLE rc)
else()
  separate_arguments(flags UNIX_COMMAND "${FLAGS}")
  execute_process(
    COMMAND ${NVCC} ${flags} -arch=sm_${SM} -cubin -Xptxas -v,--warning-as-error ${CU} -o ${out}
    ERROR_VARIABLE log OUTPUT_VARIABLE log RESULT_VARIABLE rc)
endif()
if(NOT rc EQUAL 0)
  message(FATAL_ERROR "error: ${OP} for sm_${SM}:\n${log}")
endif()

# "Used 28 registers, used 1 barriers, 128 bytes smem", "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"; of several
# entries the largest number counts.
function(number name pattern)
  set(n 0)
  string(REGEX MATCHALL "${pattern}" found "${log}")
  foreach(one IN LISTS found)
    string(REGEX REPLACE "${pattern}" "\\1" one "${one}")
    if(one GREATER n)
      set(n ${one})
    endif()
  endforeach()
  set(${name} ${n} PARENT_SCOPE)
endfunction()
number(registers "Used ([0-9]+) registers")
number(stack "([0-9]+) bytes stack frame")
number(stores "([0-9]+) bytes spill stores")
number(loads "([0-9]+) bytes spill loads")
number(smem "([0-9]+) bytes smem")
number(constants "([0-9]+) bytes cmem\\[0\\]")
file(WRITE ${BASE}.sm_${SM}.json "{\"op\": \"${OP}\", \"arch\": \"sm_${SM}\", \"registers\": ${registers}, \"stack_bytes\": ${stack}, \
\"spill_store_bytes\": ${stores}, \"spill_load_bytes\": ${loads}, \"static_smem_bytes\": ${smem}, \"constant_bytes\": ${constants}}\n")
