# The share of flows hurt against the size of the table: a line for each idle timeout, named at its end.
# 'values': a block of (capacity, per cent, low, high) for each timeout; 0 is np_least, the foot of the panel.
set title np_title offset 0, 0.3
set xlabel 'table size (mappings)'
set ylabel 'flows hurt (%)'
set logscale x 2
set xrange [1:1.001 * np_most]    # so that the last tic is within
set xtics () out
do for [d = 0:32] {
    if (2 ** d <= np_most) {
        v = 2 ** d
        every = np_most > 2 ** 14 ? 2 : 1
        if (d % every == 0) { set xtics add (v >= 1048576 ? sprintf('%d Mi', v / 1048576) : v >= 65536 ? sprintf('%d Ki', v / 1024) : sprintf('%d', v) v) }
    }
}
set logscale y 10
set yrange [np_least:100]
set ytics ()
set ytics add ('0' np_least)
do for [d = -7:2] {
    v = 10.0 ** d
    if (v > 1.7 * np_least) { set ytics add (sprintf('%g', v) v) }
    if (2 * v > 1.7 * np_least && np_least > 0.5 && v < 100) { set ytics add (sprintf('%g', 2 * v) 2 * v) ; set ytics add (sprintf('%g', 5 * v) 5 * v) }
}
names = 92
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - names)
set bmargin at screen py(np_foot_low)
set tmargin at screen py(np_foot_high + np_panel)
# From dark to light, for timeouts have an order, and dashed in turn, for paper.
array Shade[9] = ['#440154', '#472D7B', '#3B528B', '#2C728E', '#21918C', '#28AE80', '#5EC962', '#9FCB2E', '#D9B61E']
array Dash[3] = ['1', '2', '4']
shade(i) = np_strategies > 1 ? 1 + int((i - 1) * 8.0 / (np_strategies - 1) + 0.5) : 1
do for [i = 1:np_strategies] {
    set style line 30 + i linecolor rgb Shade[shade(i)] linewidth 2.2 dashtype 1
    if (i % 3 == 2) { set style line 30 + i dashtype 2 }
    if (i % 3 == 0) { set style line 30 + i dashtype 4 }
    set arrow 100 + i from graph 1, graph End[i] to graph 1.018, graph Place[i] nohead linecolor rgb Shade[shade(i)] linewidth 1.2
    set label 100 + i Said[i] at graph 1.024, graph Place[i] left
}
set label 99 'timeout' at graph 1.024, graph Place[1] left offset 0, 1.05 textcolor rgb '#555555'
set key off
if (np_sampled) {
    # As many bands one over the other are not darker than one.
    set style fill transparent solid (np_strategies > 4 ? 0.05 : 0.15) noborder
    plot for [i = 1:np_strategies] 'values' index i - 1 using 1:3:4 with filledcurves linecolor rgb Shade[shade(i)] notitle, \
         for [i = 1:np_strategies] 'values' index i - 1 using 1:2 with lines linestyle 30 + i notitle
} else {
    plot for [i = 1:np_strategies] 'values' index i - 1 using 1:2 with lines linestyle 30 + i notitle
}
