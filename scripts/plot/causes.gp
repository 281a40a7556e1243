# Breaks by cause: a bar a row, its parts stacked, the total behind it.
# 'values': a block a cause: from to, and the foot and top of the bar, in pixels from the panel's top.
# Dark and light take turns, so that parts stay apart in grey: evicted, timed out, NAT restarted, client roamed, client
# gone, server gone, refused.
array Tone[7] = ['#1766A6', '#F2B23E', '#262626', '#A6DBF7', '#D8692B', '#F7EDB0', '#6B3A7E']
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set bmargin at screen py(Foot[1])
set tmargin at screen py(Foot[1] + np_panel)
set xrange [0:np_most]
set yrange [np_panel:0]
set xlabel 'breaks per connection-hour'
set grid noytics xtics
set border 1
set ytics scale 0
set ytics ()
do for [i = 1:np_rows] {
    set ytics add (Row[i] 5 + np_row * (i - 0.5))
    set label i Number[i] at first Total[i], first 5 + np_row * (i - 0.5) left offset 0.8, 0 textcolor rgb '#333333'
}
plot for [k = 1:np_parts] 'values' index k - 1 using (($1 + $2) / 2):(($3 + $4) / 2):1:2:3:4 with boxxyerror linewidth 0.8 fillcolor rgb Tone[Cause[k]] fillstyle solid border rgb '#555555' notitle, \
     for [k = 1:np_parts] keyentry with boxes linewidth 0.8 fillcolor rgb Tone[Cause[k]] fillstyle solid border rgb '#555555' title Part[k]
