# What all figures share. The job has set np_format, np_width, np_height (pixels), np_strategies, Name[], and Foot[]:
# where each panel stands, from the top.
set encoding utf8
if (np_format eq 'svg' && !np_bare) {
    set terminal svg size np_width, np_height font 'DejaVu Sans,Helvetica,Arial,sans-serif,17' noenhanced background 'white'
}
if (np_format eq 'svg' && np_bare) {
    set terminal svg size np_width, np_height font 'DejaVu Sans,Helvetica,Arial,sans-serif,17' noenhanced
}
if (np_format eq 'png') {
    set terminal pngcairo size 2 * np_width, 2 * np_height font 'DejaVu Sans,12.75' fontscale 2 linewidth 2 pointscale 2 noenhanced background 'white'
}
# Its fonts come out a third larger than their number of points: 9.3 is what 17 pixels of 900 are of 9 inches.
if (np_format eq 'pdf') {
    set terminal pdfcairo size np_width / 100, np_height / 100 font 'DejaVu Sans,9.3' fontscale 1 linewidth 1.3 noenhanced background 'white'
}
set output 'figure'

# Colours that stay apart for colour-blind eyes (Okabe and Ito), ordered so that neighbours differ in grey as well;
# and for paper, each with a shape and a dash of its own. The first are larger, so that an equal one on top leaves a rim.
array Colour[7] = ['#000000', '#D55E00', '#0072B2', '#009E73', '#CC79A7', '#E69F00', '#56B4E9']
array Dash[7] = ['1', '2', '3', '4', '5', "'_ '", "'-_'"]
array Shape[14] = [7, 5, 9, 13, 11, 15, 3, 6, 4, 8, 12, 10, 14, 2]    # filled, then open
point_scale = np_format eq 'svg' ? 0.65 : 1                       # SVG draws points larger than the others
do for [i = 1:21] {
    j = (i - 1) % 7 + 1
    again = (i - 1) / 7    # the colours begin again: then each has another dash
    set style line i linecolor rgb Colour[j] pointtype Shape[(i - 1) % 14 + 1] pointsize point_scale * (2 - 0.12 * j) linewidth 2.2
    eval sprintf('set style line %d dashtype %s', i, Dash[(j - 1 + 3 * again) % 7 + 1])
}
set style line 100 linecolor rgb '#bbbbbb' linewidth 1 dashtype 3    # grid
set style line 101 linecolor rgb '#777777' linewidth 1               # lines that lead to labels
set grid linestyle 100
set border 3 linecolor rgb '#444444'
set tics nomirror textcolor rgb '#222222'

# Screen places from pixels.
px(v) = v / np_width
py(v) = v / np_height
# 1000 -> 1 k, as axis text.
short(v) = v >= 1e9 ? sprintf('%g G', v / 1e9) : v >= 1e6 ? sprintf('%g M', v / 1e6) : v >= 1e3 ? sprintf('%g k', v / 1e3) : sprintf('%g', v)

# The name of a vertical axis has a place of its own: gnuplot's depends on the widest number, and may be beyond the edge.
name_side(text) = sprintf("set label 997 \"%s\" at screen px(np_side), graph 0.5 center rotate by 90", text)
# The title, over the whole figure in one line or two. What stands around all panels is drawn with the first; before the
# others: eval np_around_is_drawn.
do for [i = 1:np_titles] { set label 990 + i Title[i] at screen 0.5, py(np_height - 26 - 24 * (i - 1)) center }
np_around_is_drawn = 'unset label 991; unset label 992; unset label 1000; unset label 1001; unset label 1002'
# The legend under the panels, then grey lines: what the figure shows, and at the very bottom what it does not.
set key at screen 0.5, py(np_legend + np_note_line + np_unders * np_under_line) center top horizontal maxcols np_legend_columns Left reverse samplen 4 width 1
do for [i = 1:np_unders] { set label 1000 + i Under[i] at screen px(np_note_left), py(np_note_line + (np_unders - i) * np_under_line + 8) left textcolor rgb '#555555' }
if (np_note ne '') { set label 1000 np_note at screen px(np_note_left), py(np_note_line / 2 + 2) left textcolor rgb '#555555' }
