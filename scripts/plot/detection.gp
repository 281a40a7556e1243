# How soon the client and the server know of a break: the share of all breaks known after so long.
# 'client', 'server': a block of (seconds, per cent) for each strategy; a curve ends below 100 % by those that never knew.
set multiplot
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set logscale x
set xtics ('1 ms' 0.001, '10 ms' 0.01, '100 ms' 0.1, '1 s' 1, '10 s' 10, '1 min' 60, '10 min' 600, '1 h' 3600, '6 h' 21600, '1 d' 86400, '1 w' 604800)
set yrange [-3:104]
set ytics 25
array File[2] = ['client', 'server']
set xrange [np_detect_low:np_detect_high]
do for [panel = 1:2] {
    set bmargin at screen py(Foot[panel])
    set tmargin at screen py(Foot[panel] + np_panel)
    if (panel == 1) { set xtics format '' } else { eval np_around_is_drawn; set xtics format '%g'; set xlabel 'time since the break' }
    eval name_side('breaks the '.File[panel].' knows of (%)')
    # -9, below the range: a plot must have something to draw.
    if (panel == 1) {
        plot for [i = 1:np_strategies] File[panel] index i - 1 using 1:2 with lines linestyle i notitle, -9 notitle
    } else {
        plot for [i = 1:np_strategies] File[panel] index i - 1 using 1:2 with lines linestyle i notitle, -9 notitle, \
             for [i = 1:np_strategies] keyentry with lines linestyle i title (Shown[i] ? Name[i] : '')
    }
}
unset multiplot
