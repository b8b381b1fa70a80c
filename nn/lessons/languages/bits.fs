\ A small network in Forth (gforth) that learns to write a digit as four bits.
\
\   gforth bits.fs [SEED [LEARNING_RATE]]
\
\ Ten inputs, one for each digit; 7 hidden nodes; 4 outputs, one for each bit; tanh. It is trained
\ until every output is within 0.01 of its bit.

warnings off                                  \ about query and update, names of gforth's as well
require ./layers.fs

' ftanh is activation
' tanh-slope is slope

10 constant digits#   7 constant hidden#   4 constant bits#
0.01e fconstant tolerance
100000 constant most-epochs
40 constant bar-width

create wih  digits# hidden# * floats allot   create who  hidden# bits# * floats allot
create inputs  digits# floats allot          create hidden  hidden# floats allot
create final  bits# floats allot             create targets  bits# floats allot
create output-errors  bits# floats allot     create hidden-errors  hidden# floats allot
fvariable learning-rate

\ ---- The network ----

: query ( -- )
  wih inputs digits# hidden hidden# forward
  who hidden hidden# final bits# forward ;

: learn ( -- )
  query
  targets final output-errors bits# difference
  who output-errors bits# hidden-errors hidden# send-back
  who output-errors final bits# hidden hidden# learning-rate f@ update
  wih hidden-errors hidden hidden# inputs digits# learning-rate f@ update ;

\ ---- Digits and bits ----

: bit ( digit i -- 0|1 )  bits# 1- swap - rshift 1 and ;

: show { digit -- }   \ to the network: 1 at the digit's input, and its bits as targets
  inputs digits# floats erase  1e inputs digit element f!
  bits# 0 ?do  digit i bit s>f targets i element f!  loop ;

\ The largest error of any bit of any digit, after this much training.
: largest-error ( -- ) ( F: -- error )
  0e
  digits# 0 ?do
    i show query  targets final output-errors bits# difference
    bits# 0 ?do  output-errors i element f@ fabs fmax  loop
  loop ;

: epoch ( -- )  digits# 0 ?do  i show learn  loop ;

\ ---- First weights: between -0.5 and 0.5, the same for the same seed ----

variable seed
: random ( -- ) ( F: -- x )
  seed @ 1103515245 * 12345 + $7fffffff and dup seed !  s>f 2147483647e f/ 0.5e f- ;
: draw ( weights n -- )  0 ?do  random dup i element f!  loop  drop ;

\ ---- The command line ----

: .# ( n -- )  0 .r ;
: fail ( c-addr u -- )  stderr to outfile-id  ." error: " type cr  1 (bye) ;

\ A full bar is an error of 1, an empty one 0.01: a quarter of it is a factor of about three.
: .bar ( F: error -- )
  flog 2e f/ 1e f+ bar-width s>f f* fround f>s  0 max bar-width min
  dup 0 ?do  [char] # emit  loop  bar-width swap ?do  [char] . emit  loop ;

: .progress ( epoch -- ) ( F: error -- )
  ." epoch " 6 .r  ."   " fdup .bar  ."   largest error " 6 4 0 f.rdp cr ;

: power-of-two? ( n -- flag )  dup 1- and 0= ;

: train ( -- epochs )
  most-epochs 1+ 1 ?do
    epoch  largest-error
    fdup tolerance f< if  i .progress i unloop exit  then
    i power-of-two? if  fdup i .progress  then  fdrop
  loop
  s" not learned after 100,000 epochs: try another seed or a lower learning rate" fail ;

: .output ( F: x -- )  1000e f* fround 1000e f/  0e f+  8 3 0 f.rdp ;   \ 0e: no -0.000

: .digit { digit -- }
  digit show query
  digit 5 .r  ."   " bits# 0 ?do  digit i bit .  loop
  bits# 0 ?do  final i element f@ .output  loop  cr ;

: usage ( -- c-addr u )  s" usage: gforth bits.fs [SEED [LEARNING_RATE]]" ;

: number ( c-addr u -- flag ) ( F: -- x )
  >float 0= if  0e false exit  then  fdup f0> fdup 1e6 f< and ;

: arguments ( -- )
  1 seed !  0.1e learning-rate f!
  next-arg dup 0= if  2drop exit  then
  2dup s" --help" str= if  2drop usage type cr bye  then
  number 0= if  fdrop s" SEED: expected a number from 1 to 999999" fail  then
  fdup f>s dup seed !  s>f f<> if  s" SEED: expected a whole number" fail  then
  next-arg dup 0= if  2drop exit  then
  number 0= if  fdrop s" LEARNING_RATE: expected a number above 0" fail  then  learning-rate f!
  next-arg nip if  usage fail  then ;

: main ( -- )
  arguments
  wih digits# hidden# * draw  who hidden# bits# * draw
  train  ." learned after " .#  ."  epochs" cr cr
  ." digit  bits      outputs" cr  digits# 0 ?do  i .digit  loop ;

main bye
