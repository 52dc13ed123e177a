# The far end of a session to an ssh host: plain sh, no Python, one process as long as it lasts.
#
# Requests come as lines of tab-separated words (no word is empty; none is ever evaluated as shell
# text), answers go out as lines of blank-separated words.  ID is the asker's number for a job.
#
#   start ID NAME SCRIPT LOG    start it        -> pid ID PID STARTED, later end ID CODE [PID:NAME ...]
#                                               or fail ID REASON
#   look ID PID STARTED         is it there?    -> alive ID  or  gone ID
#   seek ID NAME                which is it?    -> pid ID PID STARTED  or  gone ID
#   reach ID NAME PID SIGNAL    signal all of it -> reached ID COUNT
#
# And for hosts that do not share the directories of runs; DIR is a copy that was sent:
#
#   begin ID NAME DIR LOG       start what was unpacked as DIR.part -> as start
#   void ID DIR                 it must never begin  -> void ID  or  begun ID: too late
#   read ID FROM DIR            its journal from a byte on -> said ID FROM HEX...
#   drop ID DIR                 remove it            -> dropped ID
#
# STARTED is the start time of a process in clock ticks since boot: with the boot id of the first
# line it names a process for ever, as a pid alone does not.

tab='	'
mark=MT_JOB

# Sets `began`, `group` of a process; false if there is none or if it has ended.
identify() {
  began= group=
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The command name, in parentheses, may hold blanks and parentheses itself.
  set -- ${stat##*) }
  [ "$1" != Z ] && [ "$1" != X ] || return 1
  group=$3
  shift 19
  began=$1
}

# Sets `found` to the pids of the processes that carry a job's name.  One grep for all of /proc.
find_marked() {
  found=
  for file in $(grep -lazFx "$mark=$1" /proc/[0-9]*/environ 2>/dev/null); do
    file=${file#/proc/}
    found="$found ${file%/environ}"
  done
}

start() { # ID NAME SCRIPT LOG
  if ! (: >>"$4") 2>/dev/null; then
    echo "fail $1 cannot write $4"
    return
  fi
  setsid /bin/sh "$3" >>"$4" 2>&1 </dev/null &
  pid=$!
  # Not collected yet, so /proc still knows it even if it has ended.  Until it leads a group of its
  # own it is a copy of this shell, which does not carry the job's name: nobody could find it by that.
  tries=0 since=0
  while identify $pid && since=$began && [ "$group" != $pid ] && [ $tries -lt 500 ]; do
    tries=$((tries + 1))
  done
  echo "pid $1 $pid $since"
  wait $pid
  code=$?
  left=
  # Something of its session still lives: end that, by name.
  if kill -s 0 -- -$pid 2>/dev/null; then
    end_leftovers "$2" $pid
  fi
  echo "end $1 $code$left"
}

end_leftovers() { # NAME PID
  find_marked "$1"
  for process in $found; do
    { read -r name <"/proc/$process/comm"; } 2>/dev/null && left="$left $process:${name%% *}"
    kill -s KILL "$process" 2>/dev/null
  done
  kill -s KILL -- -$2 2>/dev/null
}

look() { # ID PID STARTED
  if identify "$2" && [ "$began" = "$3" ]; then echo "alive $1"; else echo "gone $1"; fi
}

seek() { # ID NAME
  find_marked "$2"
  for process in $found; do
    if identify "$process" && [ "$group" = "$process" ]; then
      echo "pid $1 $process $began"
      return
    fi
  done
  echo "gone $1"
}

reach() { # ID NAME PID SIGNAL
  count=0
  find_marked "$2"
  for process in $found; do
    identify "$process" || continue
    count=$((count + 1))
    [ "$group" = "$3" ] || kill -s "$4" "$process" 2>/dev/null
  done
  # After the count, which is of what was there to be signalled.
  [ "$3" = 0 ] || kill -s "$4" -- "-$3" 2>/dev/null
  echo "reached $1 $count"
}

# Whoever renames DIR.part has it: a begin that was held up on the way comes too late for a void.
begin() { # ID NAME DIR LOG
  if mv "$3.part" "$3" 2>/dev/null; then
    clear_earlier "$2" "$3"
    start "$1" "$2" "$3/.megatest/job.sh" "$3/$4"
  else
    echo "fail $1 there is no $3.part to begin with"
  fi
}

# Names are TEST-ATTEMPT, copies NAME.WORD: what an earlier attempt left that nobody came back for.
clear_earlier() { # NAME DIR
  for old in "${2%/*}/${1%-*}"-*.*; do
    name=${old##*/}
    name=${name%%.*}
    [ -d "$old" ] && [ "$name" != "$1" ] || continue
    find_marked "$name"
    for process in $found; do
      kill -s KILL "$process" 2>/dev/null
    done
    rm -rf "$old"
  done
}

void() { # ID DIR
  if mv "$2.part" "$2.void" 2>/dev/null; then
    rm -rf "$2.void"
  elif [ -d "$2" ]; then
    echo "begun $1"
    return
  fi
  echo "void $1"
}

# So few bytes that an answer is one write of a pipe, and does not mix with others.
said() { # ID FROM DIR
  echo "said $1 $2" $(od -An -v -tx1 -j "$2" -N 1200 "$3/.megatest/journal" 2>/dev/null)
}

drop() { # ID DIR
  rm -rf "$2" "$2.part" 2>/dev/null || {
    chmod -R u+rwx "$2" "$2.part"
    rm -rf "$2" "$2.part"
  } 2>/dev/null
  [ -e "$2" ] || echo "dropped $1"
}

command -v setsid >/dev/null || setsid() { exec "$@"; }
read -r boot </proc/sys/kernel/random/boot_id
read -r host </proc/sys/kernel/hostname
echo "hello 1 $boot $host"
while IFS=$tab read -r verb id one two three; do
  case $verb in
    # In a subshell of its own, which waits; its environment carries the name to all below it.
    start) (export "$mark=$one"; start "$id" "$one" "$two" "$three") & ;;
    look) look "$id" "$one" "$two" ;;
    seek) seek "$id" "$one" ;;
    reach) reach "$id" "$one" "$two" "$three" ;;
    begin) (export "$mark=$one"; begin "$id" "$one" "$two" "$three") & ;;
    void) void "$id" "$one" ;;
    read) said "$id" "$one" "$two" ;;
    drop) (drop "$id" "$one") & ;;
  esac
done
