# The share of flows hurt against the size of the table: a line for each idle timeout.
# 'values': a block of (capacity, per cent, low, high) for each timeout.
set title np_title offset 0, 0.3
set xlabel 'table size (mappings)'
set ylabel 'flows hurt (%)'
set logscale x 2
set xrange [1:np_most]
set xtics () out
do for [d = 0:26] {
    if (2 ** d <= np_most) {
        v = 2 ** d
        every = np_most > 2 ** 14 ? 2 : 1
        if (d % every == 0) { set xtics add (v >= 1048576 ? sprintf('%d Mi', v / 1048576) : v >= 65536 ? sprintf('%d Ki', v / 1024) : sprintf('%d', v) v) }
    }
}
set yrange [0:*<100]
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set bmargin at screen py(np_foot_low)
set tmargin at screen py(np_foot_high + np_panel)
# From dark to light, for timeouts have an order.
array Shade[9] = ['#440154', '#472D7B', '#3B528B', '#2C728E', '#21918C', '#28AE80', '#5EC962', '#9FCB2E', '#D9B61E']
shade(i) = np_strategies > 1 ? 1 + int((i - 1) * 8.0 / (np_strategies - 1) + 0.5) : 1
if (np_sampled) {
    set style fill transparent solid 0.15 noborder
    plot for [i = 1:np_strategies] 'values' index i - 1 using 1:3:4 with filledcurves linecolor rgb Shade[shade(i)] notitle, \
         for [i = 1:np_strategies] 'values' index i - 1 using 1:2 with lines linecolor rgb Shade[shade(i)] linewidth 2.2 notitle, \
         for [i = 1:np_strategies] keyentry with lines linecolor rgb Shade[shade(i)] linewidth 2.2 title (i == 1 ? 'idle timeout ' : '').Name[i]
} else {
    plot for [i = 1:np_strategies] 'values' index i - 1 using 1:2 with lines linecolor rgb Shade[shade(i)] linewidth 2.2 notitle, \
         for [i = 1:np_strategies] keyentry with lines linecolor rgb Shade[shade(i)] linewidth 2.2 title (i == 1 ? 'idle timeout ' : '').Name[i]
}
