\ The mathematics of a layer of nodes, for network.fs and bits.fs (gforth).
\
\ A matrix of weights lies in memory row by row: a row for each of the m nodes, n weights in a row.
\ gforth's v* multiplies two vectors and adds up; faxpy adds a multiple of one vector to another.

: element ( vector i -- address )  floats + ;
: row ( weights j n -- vector )  * floats + ;

: sigmoid ( F: x -- y )  fnegate fexp 1e f+ 1/f ;
: sigmoid-slope ( F: y -- slope )  1e fover f- f* ;
: tanh-slope ( F: y -- slope )  fdup f* 1e fswap f- ;

defer activation ( F: x -- y )
defer slope ( F: y -- slope )

\ to = activation(weights . from)
: forward { weights from n to m -- }
  m 0 ?do
    weights i n row float  from float  n v*  activation  to i element f!
  loop ;

\ errors = targets - outputs
: difference { targets outputs errors m -- }
  m 0 ?do
    targets i element f@  outputs i element f@  f-  errors i element f!
  loop ;

\ to = transposed weights . errors
: send-back { weights errors m to n -- }
  to n floats erase
  m 0 ?do
    errors i element f@  weights i n row float  to float  n faxpy
  loop ;

\ weights += learning rate * (errors * slope of outputs) . transposed inputs
: update { weights errors outputs m inputs n F: learning-rate -- }
  m 0 ?do
    learning-rate  errors i element f@ f*  outputs i element f@ slope f*
    inputs float  weights i n row float  n faxpy
  loop ;
