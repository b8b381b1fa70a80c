\ The book's network in Forth (gforth), to be read beside nn/lessons/book_loop.py.
\
\   gforth network.fs HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv FIRST_WEIGHTS LAST_WEIGHTS
\
\ FIRST_WEIGHTS is a file that `pi-nn weights` wrote; the learned weights are written to
\ LAST_WEIGHTS in the same form. On standard output: the accuracy from 0 to 1, and the seconds.

warnings off                                  \ about query and update, names of gforth's as well
require ./layers.fs

\ ---- The network ----

' sigmoid is activation
' sigmoid-slope is slope

0 value inputs#   0 value hidden#   0 value outputs#          \ how many nodes
0 value wih   0 value who                                     \ weights
0 value inputs   0 value hidden   0 value final   0 value targets   \ signals
0 value output-errors   0 value hidden-errors
fvariable learning-rate

: query ( -- )
  wih inputs inputs# hidden hidden# forward
  who hidden hidden# final outputs# forward ;

: learn ( -- )
  query
  targets final output-errors outputs# difference
  who output-errors outputs# hidden-errors hidden# send-back
  who output-errors final outputs# hidden hidden# learning-rate f@ update
  wih hidden-errors hidden hidden# inputs inputs# learning-rate f@ update ;

\ ---- Errors ----

2variable path   0 0 path 2!   variable line                  \ what is being read
2variable unfinished   0 0 unfinished 2!                      \ what to remove after an error
false value progress-shown

: .# ( n -- )  0 .r ;
: .file ( -- )  path 2@ type  ." : " ;
: .place ( line -- )  path 2@ type  ." :" .#  ." : " ;
: error( ( -- )  stderr to outfile-id  progress-shown if  cr  then  ." error: " ;
: )error ( -- )  cr  unfinished 2@  dup if  delete-file  then  1 (bye) ;
: check ( ior -- )  ?dup if  error( .file .error )error  then ;
: allocated ( floats -- vector )
  floats allocate if  error( ." not enough memory: use fewer hidden nodes" )error  then ;

\ ---- Digits ----

65536 constant longest-line
20 constant longest-shown
longest-line 2 + allocate throw constant text

0 value file   variable digits#   variable first-blank
0 value text-end   0 value cursor

\ Read a line; a comma is put at its end, so that each field ends with one.
: read-text ( -- found? )
  1 line +!
  text longest-line 1+ file read-line check
  over longest-line > if
    error( line @ .place ." is too long: expected a label and pixels, separated by commas" )error
  then
  swap text + to text-end  [char] , text-end c!  text to cursor ;

: cut-field ( -- c-addr u )
  cursor dup  begin  dup c@ [char] , <>  while  char+  repeat
  dup char+ to cursor  over - ;

: count-fields ( -- n )  1  text-end text ?do  i c@ [char] , = negate +  loop ;

\ The value of one to three digits; -1 for all else.
: value-of ( c-addr u -- n )
  dup 1 4 within 0= if  2drop -1 exit  then
  0 -rot  bounds ?do
    10 *  i c@ [char] 0 -  dup 9 u> if  2drop -1 unloop exit  then  +
  loop ;

: .shown ( c-addr u -- )
  longest-shown min bounds ?do  i c@ dup bl 127 within 0= if  drop [char] ?  then  emit  loop ;

: refuse-field { field length column highest -- }
  error( line @ .place  ." column " column .#  ." : expected a "
  column 1 = if  ." label"  else  ." pixel value"  then
  ."  from 0 to " highest .#  ." , got '" field length .shown  ." '" )error ;

: refuse-count ( n -- )
  error( line @ .place  ." has " .#  ."  values: expected " inputs# 1+ .#
  ." , a label and " inputs# .#  ."  pixels" )error ;

: scaled ( n -- ) ( F: -- x )  s>f 255e f/ 0.99e f* 0.01e f+ ;

: check-fields ( -- )  count-fields  dup inputs# 1+ <> if  refuse-count  then  drop ;

\ Turn the line into scaled inputs, and its label.
: parse-row ( -- label )
  check-fields
  cut-field 2dup value-of { label }
  label outputs# u< 0= if  1 outputs# 1- refuse-field  then  2drop
  inputs# 0 ?do
    cut-field 2dup value-of  dup 255 u> if  drop  i 2 + 255 refuse-field  then
    scaled inputs i element f!  2drop
  loop
  label ;

: skip-mark ( -- )   \ UTF-8's byte-order mark
  text text-end over - s\" \xef\xbb\xbf" string-prefix? if
    text 3 +  text  text-end over - 2 +  cmove  text-end 3 - to text-end
  then ;

: refuse-gzip ( -- )
  text text-end over - s\" \x1f\x8b" string-prefix? if
    error( path 2@ type  ."  is a gzip file: unpack it with gunzip" )error
  then ;

: padding? ( char -- flag )  dup bl = swap [char] " = or ;
: strip ( c-addr u -- c-addr' u' )
  begin  dup 0> if  over c@ padding?  else  false  then  while  1 /string  repeat
  begin  dup 0> if  2dup + 1- c@ padding?  else  false  then  while  1-  repeat ;

: header? ( -- flag )
  cut-field strip  2dup bounds ?do  i c@ toupper i c!  loop
  s" LABEL" str=  text to cursor ;

: open-digits ( c-addr u -- )
  path 2!  0 line !  0 digits# !  0 first-blank !
  path 2@ r/o bin open-file check to file ;

: blank? ( -- flag )  text text-end = ;
: note-blank ( -- )  first-blank @ 0= if  line @ first-blank !  then ;
: refuse-blank ( -- )
  error( first-blank @ .place  ." is blank, with more rows after it: remove it" )error ;

: close-digits ( -- )
  file close-file check
  digits# @ 0= if
    error( path 2@ type  ."  has no rows: expected lines of a label and " inputs# .#
    ."  pixel values" )error
  then ;

\ Read the next digit into inputs. Blank lines may only be the last ones.
: next-digit ( -- label true | false )
  begin  read-text  while
    line @ 1 = if  refuse-gzip skip-mark header?  else  false  then
    if  check-fields  else
      blank? if
        note-blank
      else
        first-blank @ if  refuse-blank  then
        1 digits# +!  parse-row true exit
      then
    then
  repeat
  close-digits false ;

\ ---- Training and testing ----

s" test -t 2" system $? 0= constant terminal?

: show-progress { epoch epochs -- }
  digits# @ 500 mod 0=  terminal? and if
    stderr to outfile-id
    13 emit  ." epoch " epoch .#  ."  of " epochs .#  ." : " digits# @ .#  ."  digits "
    stdout to outfile-id  true to progress-shown
  then ;

: set-targets ( label -- )
  outputs# 0 ?do  0.01e targets i element f!  loop
  0.99e targets swap element f! ;

: train { c-addr u epochs -- }
  epochs 1+ 1 ?do
    c-addr u open-digits
    begin  next-digit  while  set-targets learn  i epochs show-progress  repeat
  loop ;

: answer ( -- label )
  0  outputs# 1 ?do  final i element f@  final over element f@ f> if  drop i  then  loop ;

: accuracy-on ( c-addr u -- ) ( F: -- accuracy )
  open-digits  0
  begin  next-digit  while  query answer = negate +  repeat
  s>f digits# @ s>f f/ ;

\ ---- Weights: a line of three sizes, then a line for each hidden node, and each output node ----

0 value weights-text   0 value longest-weights                \ a line of the file

: line-of-weights ( -- c-addr u )
  1 line +!  weights-text  dup longest-weights file read-line check drop ;

: cut-word ( c-addr u -- c-addr' u' word u )
  begin  dup 0> if  over c@ bl =  else  false  then  while  1 /string  repeat
  2dup  begin  dup 0> if  over c@ bl <>  else  false  then  while  1 /string  repeat
  2swap 2 pick - ;

: finite? ( F: x -- ) ( -- flag )  fdup f- f0= ;

: refuse-weights ( n -- )
  error( line @ .place  ." expected " .#  ."  finite weights: write the file again with "
  ." pi-nn weights" )error ;

: weight ( c-addr u -- flag ) ( F: -- x )
  dup 0= if  2drop 0e false exit  then
  >float 0= if  0e false exit  then
  fdup finite? ;

: read-matrix { weights m n -- }
  m 0 ?do
    line-of-weights
    n 0 ?do
      cut-word weight 0= if  n refuse-weights  then  weights j n row i element f!
    loop
    cut-word nip if  n refuse-weights  then  2drop
  loop ;

: size ( c-addr u -- n )   \ 0: not a size
  2dup bounds ?do  i c@ [char] 0 [char] 9 1+ within 0= if  2drop 0 unloop exit  then  loop
  dup 1 7 within if  s>number? 2drop  else  2drop 0  then ;

: read-sizes ( -- )
  line-of-weights
  cut-word size to inputs#  cut-word size to hidden#  cut-word size to outputs#
  cut-word nip  inputs# 0= or  hidden# 0= or  outputs# 0= or if
    error( 1 .place  ." expected three sizes: write the file with pi-nn weights" )error
  then  2drop ;

: check-hidden ( hidden-nodes -- )
  dup hidden# <> if
    error( .file  ." expected weights of " dup .#  ."  hidden nodes, got " hidden# .#
    ." : write them with pi-nn weights --hidden-nodes " .# )error
  then  drop ;

: allocate-network ( -- )
  inputs# hidden# * allocated to wih   hidden# outputs# * allocated to who
  inputs# allocated to inputs          hidden# allocated to hidden
  outputs# allocated to final          outputs# allocated to targets
  outputs# allocated to output-errors  hidden# allocated to hidden-errors
  inputs# hidden# max 32 * to longest-weights
  longest-weights 2 + allocate check to weights-text ;

: read-weights ( hidden-nodes c-addr u -- )
  path 2!  0 line !  path 2@ r/o open-file check to file
  text to weights-text  longest-line to longest-weights
  read-sizes check-hidden allocate-network
  wih hidden# inputs# read-matrix  who outputs# hidden# read-matrix
  line-of-weights nip if
    error( line @ .place  ." expected no more weights: write the file again with "
    ." pi-nn weights" )error
  then
  file close-file check ;

0 value target

\ Open another name, which takes the name of the target when it is complete.
: check-replaceable ( -- )
  path 2@ r/o open-file if  drop exit  then  to file
  text to weights-text  longest-line to longest-weights
  line-of-weights
  cut-word size >r  cut-word size >r  cut-word size  r> r>  0= swap 0= or swap 0= or
  >r cut-word nip r> or if
    error( path 2@ type  ."  exists and is not a file of weights: choose another name" )error
  then  2drop  file close-file check ;

: open-target ( c-addr u -- )
  path 2!  check-replaceable
  path 2@ s" ." s+  utime <# #s #> s+  s" .part" s+      \ another run has another name
  2dup w/o create-file check to target  unfinished 2! ;

: .matrix { weights m n -- }
  m 0 ?do
    n 0 ?do
      weights j n row i element f@  fdup finite? 0= if
        error( ." the training diverged: lower LEARNING_RATE" )error
      then  fs.
    loop  cr
  loop ;

: write-weights ( c-addr u -- )
  path 2!  target to outfile-id  17 set-precision
  inputs# .  hidden# .  outputs# .#  cr
  wih hidden# inputs# .matrix  who outputs# hidden# .matrix
  stdout to outfile-id  target close-file check
  unfinished 2@ path 2@ rename-file check  0 0 unfinished 2! ;

\ ---- The command line ----

: .usage ( -- )
  ." usage: gforth network.fs HIDDEN_NODES LEARNING_RATE EPOCHS TRAIN.csv TEST.csv "
  ." FIRST_WEIGHTS LAST_WEIGHTS" ;

7 constant most-arguments
create arguments  most-arguments 2* cells allot
: argument ( i -- c-addr u )  2* cells arguments + 2@ ;

: read-arguments ( -- n )
  0  begin  next-arg dup  while
    2 pick most-arguments < if  2 pick 2* cells arguments + 2!  else  2drop  then  1+
  repeat  2drop ;

: whole ( c-addr u i -- n )
  argument  2dup size  dup 0= if
    drop error( 2swap type  ." : expected a whole number from 1 to 999999, got '" type  ." '" )error
  then  >r 2drop 2drop r> ;

: positive ( c-addr u i -- ) ( F: -- x )
  argument  2dup weight  fdup f0> and 0= if
    error( 2swap type  ." : expected a number above 0, got '" type  ." '" )error
  then  2drop 2drop ;

2variable start
: seconds ( -- ) ( F: -- seconds )  utime start 2@ d- d>f 1e6 f/ ;

: .decimals ( n -- ) ( F: x -- )
  10e dup s>f f**  fswap fover f* fround fswap f/  20 swap 0 f>str-rdp strip type ;

: main ( -- )
  utime start 2!
  read-arguments
  dup 1 = if  0 argument s" --help" str= if  drop .usage cr exit  then  then
  dup most-arguments <> if
    error( ." expected 7 arguments, got " .#  ." ; " .usage )error
  then  drop
  s" HIDDEN_NODES" 0 whole  s" LEARNING_RATE" 1 positive learning-rate f!  s" EPOCHS" 2 whole
  swap 5 argument read-weights
  4 argument open-digits  file close-file check     \ now, not after hours of training
  6 argument open-target
  3 argument rot train  4 argument accuracy-on
  6 argument write-weights
  progress-shown if  stderr to outfile-id cr stdout to outfile-id  then
  ." accuracy " 4 .decimals cr
  ." seconds " seconds 2 .decimals cr ;

: guarded ( -- )  ['] main catch  ?dup if  error( .file .error )error  then ;
guarded bye
